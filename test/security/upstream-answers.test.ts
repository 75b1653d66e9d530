/** Answers of hostile and of honest upstreams, as bytes on a socket: what is taken and what is not. */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDial } from '../../src/network/dial.ts'
import { DEFAULT_UPSTREAM_LIMITS } from '../../src/proxy/upstream/limits.ts'
import type { UpstreamRequest } from '../../src/proxy/upstream/upstream.ts'
import { createUpstreams, type CountedUpstreams } from '../../src/proxy/upstream/upstreams.ts'
import {
  noteAnswer,
  OK,
  startScripted,
  type NotedAnswer,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

const limits = { ...DEFAULT_UPSTREAM_LIMITS, maxHeaderBytes: 8 * 1024 }

let upstream: ScriptedUpstream
let upstreams: CountedUpstreams

beforeEach(async () => {
  upstream = await startScripted()
  upstreams = createUpstreams({ dial: createDial(), limits })
})

afterEach(async () => {
  await upstreams.close()
  await upstream.close()
})

async function ask(request: Partial<UpstreamRequest> = {}): Promise<NotedAnswer> {
  const noted = noteAnswer()
  upstreams.send(
    upstream.destination,
    { method: 'GET', path: '/', headers: ['Host', 'a'], body: undefined, ...request },
    noted,
  )
  await noted.isOver
  return noted
}

/** A socket that confirms a write, as TLS does, in a later turn than it gives the answer. */
function answering(text: string): Socket {
  const stream = new Duplex({
    read: () => undefined,
    write(_chunk, _encoding, confirm) {
      this.push(text)
      setImmediate(confirm)
    },
  })
  return Object.assign(stream, { destroySoon: () => stream.destroy() }) as unknown as Socket
}

const CANARY = 'CANARY_of_the_next_client'
const smuggled = `HTTP/1.1 200 OK\r\nContent-Length: ${CANARY.length}\r\n\r\n${CANARY}`

/** Malformed before anything of it is believed. */
const MALFORMED: readonly (readonly [string, string])[] = [
  ['another protocol', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a bare CR', 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok'],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['a NUL', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'],
  ['a blank before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok'],
  ['an empty line first', `\r\n${OK}`],
  ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}`],
  ['too many fields', `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(300)}\r\n`],
  ['a flood of 1xx', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)}${OK}`],
  [
    'large 1xx',
    `${`HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(3_000)}\r\n\r\n`.repeat(4)}${OK}`,
  ],
  ['a 100 with a body', `HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok${OK}`],
  ['a 204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok'],
  ['a 101 unasked', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['HTTP/2', 'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok'],
]

/** Answers that break after their head. */
const BROKEN: readonly (readonly [string, string])[] = [
  ['a chunk size with a sign', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n'],
  ['a chunk extension', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n'],
  ['a chunk too long', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n'],
  ['a chunk ended by LF', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n'],
  [
    'a folded trailer',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n',
  ],
]

const CUT: readonly (readonly [string, string, string])[] = [
  ['in its head', 'HTTP/1.1 200 OK\r\nContent-', 'failure'],
  [
    'in a body with a length',
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf',
    'head chunk failure',
  ],
  [
    'in chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'head chunk failure',
  ],
  ['behind a 1xx', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'failure'],
]

/** Whole, byte by byte, and cut at every line. */
const SEGMENTATIONS = {
  whole: (text: string) => [text],
  'byte by byte': (text: string) => text.split(''),
  'line by line': (text: string) => text.split(/(?<=\r\n)/),
  'inside each CRLF': (text: string) => text.split(/(?<=\r)/),
}
const SEGMENTED = Object.keys(SEGMENTATIONS) as (keyof typeof SEGMENTATIONS)[]

/** Answers the first request in these segments, and every other one with `OK`. */
function answerOnce(text: string, how: keyof typeof SEGMENTATIONS, finish?: 'end'): void {
  upstream.script((_request, socket) => {
    if (upstream.requests.length > 1) {
      socket.write(OK)
      return
    }
    const segments = SEGMENTATIONS[how](text)
    const next = () => {
      const segment = segments.shift()
      if (segment === undefined) {
        if (finish) socket.end()
        return
      }
      if (!socket.writable) return
      socket.write(Buffer.from(segment, 'latin1'), () => setImmediate(next))
    }
    next()
  })
}

/** Long ones would take long byte by byte, and are no different there. */
const isShort = (text: string) => text.length < 2_000

interface Case {
  readonly name: string
  readonly how: keyof typeof SEGMENTATIONS
  readonly text: string
  readonly expected: string
}

const cases = (table: readonly (readonly [string, string, string?])[]): Case[] =>
  table.flatMap(([name, text, expected = '']) =>
    SEGMENTED.filter((how) => how === 'whole' || isShort(text)).map((how) => ({
      name,
      how,
      text,
      expected,
    })),
  )

describe('HF-13 an answer with', () => {
  it.each(cases(MALFORMED))(
    '$name ($how) is no answer, and its connection ends',
    async ({ how, text }) => {
      answerOnce(text, how)
      const noted = await ask()
      expect(noted.calls).toEqual(['failure'])
      expect(noted.failure).toMatchObject({ code: 'upstream_malformed' })
      expect(noted.failure?.message).toBe('the upstream did not answer in valid HTTP')
      await upstream.until(() => upstream.openCount === 0)
      expect(upstreams.counts().open).toBe(0)
      expect((await ask()).text).toBe('ok')
      expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1])
    },
  )

  it.each(cases(BROKEN))(
    '$name ($how) breaks off, and its connection ends',
    async ({ how, text }) => {
      answerOnce(text, how)
      const noted = await ask()
      expect(noted.calls[0]).toBe('head')
      expect(noted.failure).toMatchObject({ code: 'upstream_malformed' })
      await upstream.until(() => upstream.openCount === 0)
      expect((await ask()).text).toBe('ok')
    },
  )

  it.each(cases(CUT))('an end $name ($how) is not whole', async ({ how, text, expected }) => {
    answerOnce(text, how, 'end')
    const noted = await ask()
    expect([...new Set(noted.calls)].join(' ')).toBe(expected)
    expect(noted.failure).toMatchObject({ code: 'upstream_malformed' })
    expect((await ask()).text).toBe('ok')
  })
})

describe('HF-13 the next client never sees', () => {
  it.each([
    ['behind a body with a length', `${OK}${smuggled}`],
    ['behind chunks', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['behind a 204', `HTTP/1.1 204 No Content\r\n\r\n${smuggled}`],
    ['behind a 304', `HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${smuggled}`],
    ['as a single byte', `${OK}\n`],
  ])('bytes %s', async (_case, text) => {
    answerOnce(text, 'whole')
    expect((await ask()).failure).toBeUndefined()
    const next = await ask()
    expect(next.text).toBe('ok')
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1])
  })

  it('bytes that come right behind an answer, in a segment of their own', async () => {
    upstream.script((_request, socket) => {
      socket.write(OK)
      if (upstream.requests.length === 1) setImmediate(() => socket.write(smuggled))
    })
    await ask()
    await upstream.until(() => upstream.openCount === 0)
    expect((await ask()).text).toBe('ok')
  })

  it('bytes behind an answer, even when its request was waiting already', async () => {
    upstream.script((_request, socket) => {
      socket.write(OK)
      if (upstream.requests.length === 1) socket.write(smuggled)
    })
    let next: Promise<NotedAnswer> | undefined
    const first = noteAnswer()
    const request = { method: 'GET', path: '/', headers: ['Host', 'a'], body: undefined }
    first.onEnd = () => {
      next = ask()
    }
    upstreams.send(upstream.destination, request, first)
    await first.hasHead
    await upstream.until(() => upstream.requests.length === 2)
    expect((await next!).text).toBe('ok')
    expect(upstream.connections).toHaveLength(2)
  })

  it('the body of an answer to HEAD', async () => {
    answerOnce(smuggled, 'whole')
    const head = await ask({ method: 'HEAD' })
    expect(head.calls).toEqual(['head', 'end'])
    expect(head.head?.length).toBe(CANARY.length)
    expect((await ask()).text).toBe('ok')
  })

  it('bytes on a connection that nobody uses', async () => {
    await ask()
    upstream.sockets[0]!.write(smuggled)
    await upstream.until(() => upstream.openCount === 0)
    expect((await ask()).text).toBe('ok')
    expect(upstreams.counts().open).toBe(1)
  })
})

describe('an honest answer', () => {
  const HONEST: readonly (readonly [string, string, string])[] = [
    ['a length', OK, 'ok'],
    [
      'chunks and a trailer',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n',
      'ok',
    ],
    ['a length of 0', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
    ['status 204', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    [
      'interim ones before it',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 A\r\nX: y\r\n\r\n${OK}`,
      'ok',
    ],
    [
      'HTTP/1.0 and keep-alive',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      'ok',
    ],
  ]

  it.each(cases(HONEST))(
    'with $name ($how) leaves its connection to the next',
    async ({ how, text, expected }) => {
      answerOnce(text, how)
      const noted = await ask()
      expect(noted.failure).toBeUndefined()
      expect(noted.text).toBe(expected)
      expect(noted.calls.filter((call) => call !== 'chunk')).toEqual(['head', 'end'])
      expect((await ask()).text).toBe('ok')
      expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 0])
    },
  )

  const CLOSING: readonly (readonly [string, string])[] = [
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nok'],
    ['no framing', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok'],
    ['a length and Connection: close', OK.replace('OK\r\n', 'OK\r\nConnection: close\r\n')],
  ]

  it.each(cases(CLOSING))('with $name ($how) ends with its connection', async ({ how, text }) => {
    answerOnce(text, how, 'end')
    expect(await ask()).toMatchObject({ text: 'ok', failure: undefined })
    expect((await ask()).text).toBe('ok')
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1])
  })

  it('without framing is not whole when its connection is reset', async () => {
    upstream.script((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')
    })
    const noted = noteAnswer()
    const request = { method: 'GET', path: '/', headers: ['Host', 'a'], body: undefined }
    upstreams.send(upstream.destination, request, noted)
    await noted.hasHead
    upstream.sockets[0]!.resetAndDestroy()
    await noted.isOver
    expect(noted.calls.at(-1)).toBe('failure')
    expect(noted.failure).toMatchObject({ code: 'upstream_unreachable' })
  })

  it('is held back while its reader wants nothing', async () => {
    const piece = Buffer.alloc(1 << 20, 'x')
    let sent = 0
    upstream.script((_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 << 20}\r\n\r\n`)
      const goOn = () => {
        while (sent < 64) {
          sent += 1
          if (!socket.write(piece)) return void socket.once('drain', goOn)
        }
      }
      goOn()
    })
    const noted = noteAnswer()
    noted.wantsMore = false
    let length = 0
    const onChunk = noted.onChunk.bind(noted)
    noted.onChunk = (chunk) => {
      length += chunk.length
      return onChunk(chunk)
    }
    const request = { method: 'GET', path: '/', headers: ['Host', 'a'], body: undefined }
    const call = upstreams.send(upstream.destination, request, noted)
    await noted.hasHead
    for (let before = -1; before !== sent;) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(sent).toBeLessThan(64)
    expect(length).toBeLessThan(1 << 20)
    noted.wantsMore = true
    call.resume()
    await noted.isOver
    expect(length).toBe(64 << 20)
  })

  it('keeps the spelling and order of its headers, and its reason', async () => {
    upstream.script((_request, socket) => {
      socket.write(
        'HTTP/1.1 418 I am \xe9\r\nX-One: 1\r\nset-COOKIE: a\r\nSet-Cookie: b\r\n',
        'latin1',
      )
      socket.write('Content-Length: 0\r\n\r\n')
    })
    expect((await ask()).head).toMatchObject({
      status: 418,
      reason: 'I am \xe9',
      headers: ['X-One', '1', 'set-COOKIE', 'a', 'Set-Cookie', 'b'],
      length: 0,
    })
  })
})

describe('over TLS', () => {
  const start = async (limits = DEFAULT_UPSTREAM_LIMITS) => {
    await upstreams.close()
    await upstream.close()
    upstream = await startScripted(undefined, { isTls: true })
    upstreams = createUpstreams({ dial: createDial(), limits })
  }

  it('a connection serves one request after another, and goes when it is not used', async () => {
    await start({ ...DEFAULT_UPSTREAM_LIMITS, idleTimeoutMs: 300 })
    for (let count = 0; count < 3; count++) expect((await ask()).text).toBe('ok')
    expect(upstream.connections).toHaveLength(1)
    await upstream.until(() => upstream.openCount === 0)
    expect((await ask({ method: 'POST', body: Buffer.alloc(1 << 20) })).text).toBe('ok')
  })

  it('a connection is kept when its answer comes before its last write is confirmed', async () => {
    let dialled = 0
    const dial = async () => {
      dialled += 1
      return answering(OK)
    }
    await upstreams.close()
    upstreams = createUpstreams({ dial, limits })
    for (let count = 0; count < 3; count++) expect((await ask()).text).toBe('ok')
    expect(dialled).toBe(1)
  })

  it.each(cases([...CUT]))('an end $name ($how) is not whole', async ({ how, text, expected }) => {
    await start()
    answerOnce(text, how, 'end')
    expect([...new Set((await ask()).calls)].join(' ')).toBe(expected)
  })

  it.each([
    ['malformed', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 'failure'],
    ['followed by bytes', `${OK}${smuggled}`, 'head chunk end'],
    ['without framing', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok', 'head chunk end'],
  ])('HF-13 a connection whose answer is %s is not used again', async (_case, text, calls) => {
    await start()
    answerOnce(text, 'whole', 'end')
    expect((await ask()).calls.join(' ')).toBe(calls)
    expect((await ask()).text).toBe('ok')
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1])
  })
})
