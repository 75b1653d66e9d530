/** Requests on their way to an upstream: framed by us, at its pace, and sent twice only where nothing can happen twice. */

import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDial } from '../../src/network/dial.ts'
import type { BodySink, BodySource } from '../../src/proxy/http1/body.ts'
import { DEFAULT_UPSTREAM_LIMITS } from '../../src/proxy/upstream/limits.ts'
import type { Call, UpstreamRequest } from '../../src/proxy/upstream/upstream.ts'
import { createUpstreams, type CountedUpstreams } from '../../src/proxy/upstream/upstreams.ts'
import {
  noteAnswer,
  OK,
  startScripted,
  type NotedAnswer,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

let upstream: ScriptedUpstream
let upstreams: CountedUpstreams

beforeEach(async () => {
  upstream = await startScripted()
  upstreams = createUpstreams({ dial: createDial(), limits: DEFAULT_UPSTREAM_LIMITS })
})

afterEach(async () => {
  await upstreams.close()
  await upstream.close()
})

const GET: UpstreamRequest = {
  method: 'GET',
  path: '/',
  headers: ['Host', 'a'],
  body: undefined,
}

function send(request: Partial<UpstreamRequest> = {}): { call: Call; noted: NotedAnswer } {
  const noted = noteAnswer()
  return { noted, call: upstreams.send(upstream.destination, { ...GET, ...request }, noted) }
}

async function ask(request: Partial<UpstreamRequest> = {}): Promise<NotedAnswer> {
  const { noted } = send(request)
  await noted.isOver
  return noted
}

/** A body that the test gives piece by piece. */
class PushedBody implements BodySource {
  readonly length: number | undefined
  resumes = 0
  #sink: BodySink | undefined
  readonly #early: ((sink: BodySink) => void) | undefined

  constructor(length?: number, early?: (sink: BodySink) => void) {
    this.length = length
    this.#early = early
  }

  get sink(): BodySink {
    return this.#sink!
  }

  get hasBegun(): boolean {
    return this.#sink !== undefined
  }

  stream(sink: BodySink): void {
    this.#sink = sink
    this.#early?.(sink)
  }

  resume(): void {
    this.resumes += 1
  }
}

const wholeBody = (sink: BodySink) => {
  sink.onChunk(Buffer.from('whole'))
  sink.onEnd()
}

/** Immediates, until it is so. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

describe('a request', () => {
  it('leaves with its head and a held body in one piece', async () => {
    const pieces: string[] = []
    upstream.whenConnected((socket) => socket.on('data', (bytes) => pieces.push(String(bytes))))
    await ask({ method: 'POST', body: Buffer.from('{"a":1}') })
    expect(pieces).toEqual(['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{"a":1}'])
  })

  it.each([
    ['a known length', 5],
    ['chunks', undefined],
  ])('leaves in one piece with a streamed body of %s that is there', async (_case, length) => {
    await ask({ method: 'POST', body: new PushedBody(length, wholeBody) })
    expect(upstream.requests.map(({ body }) => String(body))).toEqual(['whole'])
  })

  it('of 8 MiB arrives whole, held or streamed', async () => {
    const held = Buffer.alloc(8 << 20, 'held')
    expect((await ask({ method: 'PUT', body: held })).text).toBe('ok')
    const body = new PushedBody(undefined)
    const { noted } = send({ method: 'POST', body })
    await until(() => body.hasBegun)
    for (let sent = 0; sent < 8; sent++) {
      const resumes = body.resumes
      if (!body.sink.onChunk(Buffer.alloc(1 << 20, 'x'))) await until(() => body.resumes > resumes)
    }
    body.sink.onChunk(Buffer.alloc(0)) // which would be the end, as a chunk
    body.sink.onEnd()
    await noted.isOver
    expect(noted.text).toBe('ok')
    expect(upstream.requests.map(({ body: { length } }) => length)).toEqual([8 << 20, 8 << 20])
    expect(upstream.requests[0]?.body.equals(held)).toBe(true)
    expect(upstream.connections).toHaveLength(1)
  })

  it('holds its source back while the upstream takes nothing', async () => {
    upstream.whenConnected((socket) => socket.pause())
    const body = new PushedBody(undefined)
    const { noted } = send({ method: 'POST', body })
    await until(() => body.hasBegun)
    upstream.sockets[0]!.pause()
    let sent = 0
    while (body.sink.onChunk(Buffer.alloc(1 << 20))) sent += 1
    expect(sent).toBeLessThan(64)
    expect(body.resumes).toBe(0)
    upstream.sockets[0]!.resume()
    await until(() => body.resumes === 1)
    body.sink.onEnd()
    await noted.isOver
    expect(noted.text).toBe('ok')
  })

  it('is not written when a part of it could end its line', async () => {
    const noted = await ask({ headers: ['Host', 'a', 'Authorization', 'Bearer x\r\nX-Evil: 1'] })
    expect(noted.failure).toMatchObject({ code: 'request_unwritable' })
    expect(noted.failure?.message).not.toContain('Evil')
    expect((await ask()).text).toBe('ok')
    expect(upstream.connections.join('')).not.toContain('Evil')
  })
})

const BREAK = (sink: BodySink) => {
  sink.onFailure()
}
const END = (sink: BodySink) => {
  sink.onEnd()
}
const EXCEED = (sink: BodySink) => {
  sink.onChunk(Buffer.from('xx'))
}

describe('HF-04 a streamed body', () => {
  it.each([
    ['breaks off', undefined, BREAK],
    ['breaks off before its length', 9, BREAK],
    ['ends before its length', 9, END],
    ['goes on behind its length', 5, EXCEED],
  ])('that %s destroys the connection, and is never ended', async (_case, length, end) => {
    const body = new PushedBody(length)
    const { noted } = send({ method: 'POST', body })
    await until(() => body.hasBegun)
    body.sink.onChunk(Buffer.from('half'))
    await upstream.until(() => upstream.connections[0]?.includes('half') === true)
    end(body.sink)
    await noted.isOver
    expect(noted.failure).toMatchObject({ code: 'request_body_failed' })
    await upstream.until(() => upstream.openCount === 0)
    expect(upstream.requests).toEqual([])
    expect(upstream.connections[0]).not.toMatch(/0\r\n\r\n$/)
    expect((await ask()).text).toBe('ok')
  })

  it('that fails at once tells the listener after send', async () => {
    await ask()
    const { noted } = send({
      method: 'POST',
      body: new PushedBody(9, BREAK),
    })
    expect(noted.calls).toEqual([])
    await noted.isOver
    expect(noted.calls).toEqual(['failure'])
  })
})

describe('an early answer', () => {
  it('to an unfinished upload is whole, and ends the connection and the upload', async () => {
    upstream.whenConnected((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge')
      })
    })
    const body = new PushedBody(100)
    const { noted } = send({ method: 'POST', body })
    await noted.isOver
    expect(noted.text).toBe('large')
    expect(noted.calls.at(-1)).toBe('end')
    await upstream.until(() => upstream.openCount === 0)
    expect(body.sink.onChunk(Buffer.from('more'))).toBe(false)
    body.sink.onEnd()
    body.sink.onFailure()
    expect(noted.calls.at(-1)).toBe('end')
    expect(upstream.connections[0]).not.toContain('more')
  })

  it('that goes on meanwhile lets the upload go on', async () => {
    upstream.whenConnected((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
      })
    })
    upstream.script((_request, socket) => socket.write('k'))
    const body = new PushedBody(undefined)
    const { noted } = send({ method: 'POST', body })
    await noted.hasHead
    body.sink.onChunk(Buffer.from('whole'))
    body.sink.onEnd()
    await noted.isOver
    expect(noted.text).toBe('ok')
    upstream.whenConnected(() => undefined)
    upstream.script((_request, socket) => socket.write(OK))
    expect((await ask()).text).toBe('ok')
    expect(upstream.connections).toHaveLength(1)
  })
})

describe('a connection that dies unused', () => {
  /** Answers one request per connection and hangs up on the second without a word. */
  const hangUpOnSecond = (how: 'end' | 'resetAndDestroy') => {
    upstream.script((request, socket) => {
      if (request.index === 0) socket.write(OK)
      else socket[how]()
    })
  }

  it.each([
    ['GET', undefined],
    ['HEAD', undefined],
    ['PUT', Buffer.from('held')],
    ['DELETE', undefined],
  ])('takes a %s with it, which is sent once more over a new one', async (method, body) => {
    for (const how of ['end', 'resetAndDestroy'] as const) {
      hangUpOnSecond(how)
      await ask()
      await until(() => upstreams.counts().idle === 1)
      const before = upstream.connections.length
      const noted = await ask({ method, body })
      expect(noted.head?.status).toBe(200)
      expect(upstream.connections).toHaveLength(before + 1)
      await upstreams.close()
      upstreams = createUpstreams({ dial: createDial(), limits: DEFAULT_UPSTREAM_LIMITS })
    }
  })

  it('takes a POST with it, which is never sent twice', async () => {
    hangUpOnSecond('end')
    await ask()
    await until(() => upstreams.counts().idle === 1)
    const noted = await ask({ method: 'POST', body: Buffer.from('pay') })
    expect(noted.failure).toMatchObject({ code: 'upstream_unreachable' })
    expect(upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  })

  it('takes a streamed PUT with it, which is gone', async () => {
    hangUpOnSecond('end')
    await ask()
    await until(() => upstreams.counts().idle === 1)
    const noted = await ask({ method: 'PUT', body: new PushedBody(5, wholeBody) })
    expect(noted.failure).toMatchObject({ code: 'upstream_unreachable' })
  })

  it('is not picked when that is known, so that also a POST gets through', async () => {
    await ask()
    await until(() => upstreams.counts().idle === 1)
    upstream.sockets[0]!.end()
    await until(() => upstreams.counts().idle === 0)
    expect((await ask({ method: 'POST', body: Buffer.from('pay') })).text).toBe('ok')
  })

  it('is replaced only once', async () => {
    upstream.script((_request, socket) => {
      if (upstream.requests.length === 1) socket.write(OK)
      else socket.end()
    })
    await ask()
    await until(() => upstreams.counts().idle === 1)
    expect((await ask()).failure).toMatchObject({ code: 'upstream_unreachable' })
    expect(upstream.requests).toHaveLength(3)
  })

  it('after the first byte of an answer takes the request with it', async () => {
    upstream.script((request, socket) => {
      if (request.index === 0) socket.write(OK)
      else socket.end('H')
    })
    await ask()
    await until(() => upstreams.counts().idle === 1)
    expect((await ask()).failure).toMatchObject({ code: 'upstream_malformed' })
    expect(upstream.requests).toHaveLength(2)
  })

  it('when it was new takes the request with it', async () => {
    upstream.script((_request, socket) => socket.resetAndDestroy())
    expect((await ask()).failure).toMatchObject({ code: 'upstream_unreachable' })
    expect(upstream.requests).toHaveLength(1)
  })
})

describe('HF-12 an upgrade', () => {
  const upgrade = 'websocket'
  const SWITCHING =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

  const textOf = (connection: Duplex, length: number) =>
    new Promise<string>((resolve) => {
      let text = ''
      connection.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1')
        if (text.length >= length) resolve(text)
      })
      connection.resume()
    })

  it.each([
    ['behind the head', [`${SWITCHING}early`]],
    ['later', [SWITCHING, 'early']],
    ['in pieces', [SWITCHING.slice(0, 40), `${SWITCHING.slice(40)}ea`, 'rly']],
  ])('hands over the connection with what comes %s', async (_case, pieces) => {
    upstream.script((_request, socket) => {
      const left = [...pieces]
      const next = () => {
        const piece = left.shift()
        if (piece !== undefined) socket.write(piece, () => setImmediate(next))
      }
      next()
      socket.on('data', (bytes) => socket.write(bytes))
    })
    const noted = await ask({ upgrade })
    expect(noted.calls).toEqual(['switch'])
    expect(noted.head?.status).toBe(101)
    expect(await textOf(noted.connection!, 5)).toBe('early')
    noted.connection!.write('echo')
    expect(await textOf(noted.connection!, 4)).toBe('echo')
    expect(upstreams.counts()).toMatchObject({ open: 1, idle: 0 })
    noted.connection!.destroy()
    await until(() => upstreams.counts().open === 0)
  })

  it('that is refused is an ordinary answer', async () => {
    const noted = await ask({ upgrade })
    expect(noted.calls).toEqual(['head', 'chunk', 'end'])
    expect((await ask()).text).toBe('ok')
    expect(upstream.connections).toHaveLength(1)
  })

  it('to another protocol is malformed', async () => {
    upstream.script((_request, socket) => socket.write(SWITCHING.replace('websocket', 'h2c')))
    const noted = await ask({ upgrade })
    expect(noted.calls).toEqual(['failure'])
    expect(noted.failure).toMatchObject({ code: 'upstream_malformed' })
    await upstream.until(() => upstream.openCount === 0)
  })

  it('ends with everything else', async () => {
    upstream.script((_request, socket) => socket.write(SWITCHING))
    const { connection } = await ask({ upgrade })
    await upstreams.close()
    expect(connection!.destroyed).toBe(true)
  })
})
