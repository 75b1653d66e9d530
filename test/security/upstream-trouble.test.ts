/** Upstreams that are slow, dead or too much asked for: bounded waits, an open circuit, no leaks. */

import { createServer as createHttpServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Dial } from '../../src/base/dial.ts'
import { Failure } from '../../src/base/errors.ts'
import { createDial } from '../../src/network/dial.ts'
import { DEFAULT_UPSTREAM_LIMITS, type UpstreamLimits } from '../../src/proxy/upstream/limits.ts'
import type { Call, Destination, UpstreamRequest } from '../../src/proxy/upstream/upstream.ts'
import { createUpstreams, type CountedUpstreams } from '../../src/proxy/upstream/upstreams.ts'
import {
  noteAnswer,
  OK,
  startScripted,
  type NotedAnswer,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

const NEVER = () => undefined

let upstream: ScriptedUpstream
const started: CountedUpstreams[] = []

beforeEach(async () => {
  upstream = await startScripted()
})

afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.close()))
  await upstream.close()
})

interface Settings {
  readonly limits?: Partial<UpstreamLimits>
  readonly dial?: Dial
  readonly now?: () => number
}

function start({ limits, dial = createDial(), now }: Settings = {}) {
  const upstreams = createUpstreams({
    dial,
    limits: { ...DEFAULT_UPSTREAM_LIMITS, ...limits },
    ...(now && { now }),
  })
  started.push(upstreams)
  const send = (
    request: Partial<UpstreamRequest> = {},
    destination: Destination = upstream.destination,
  ): { call: Call; noted: NotedAnswer } => {
    const noted = noteAnswer()
    const whole = { method: 'GET', path: '/', headers: ['Host', 'a'], body: undefined, ...request }
    return { noted, call: upstreams.send(destination, whole, noted) }
  }
  const ask = async (...given: Parameters<typeof send>): Promise<NotedAnswer> => {
    const { noted } = send(...given)
    await noted.isOver
    return noted
  }
  return { upstreams, send, ask }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

describe('AV-04 an upstream that', () => {
  it('never answers is given up', async () => {
    upstream.script(NEVER)
    const noted = await start({ limits: { headTimeoutMs: 100 } }).ask()
    expect(noted.failure).toMatchObject({ code: 'upstream_timeout' })
    await upstream.until(() => upstream.openCount === 0)
  })

  it('gives its head a byte at a time is given up as well', async () => {
    upstream.script((_request, socket) => {
      const drip = setInterval(() => socket.write('H'), 10)
      socket.write('HTTP/1.1 103 Early Hints\r\nX: ')
      socket.on('close', () => {
        clearInterval(drip)
      })
    })
    const noted = await start({ limits: { headTimeoutMs: 150 } }).ask()
    expect(noted.failure).toMatchObject({ code: 'upstream_timeout' })
  })

  it('falls silent in its answer is given up', async () => {
    upstream.script((_request, socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'))
    const noted = await start({ limits: { bodyIdleTimeoutMs: 100 } }).ask()
    expect(noted.text).toBe('half')
    expect(noted.failure).toMatchObject({ code: 'upstream_timeout' })
  })

  it('keeps moving is not given up', async () => {
    upstream.script((_request, socket) => {
      let left = 8
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n')
      const drip = setInterval(() => {
        socket.write('x')
        left -= 1
        if (left === 0) clearInterval(drip)
      }, 50)
    })
    const noted = await start({ limits: { bodyIdleTimeoutMs: 200, headTimeoutMs: 200 } }).ask()
    expect(noted).toMatchObject({ text: 'xxxxxxxx', failure: undefined })
  })

  it('waits for a slow reader is not given up', async () => {
    upstream.script((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab', () => {
        setTimeout(() => socket.write('cd'), 20)
      })
    })
    const { send, ask } = start({ limits: { bodyIdleTimeoutMs: 80 } })
    const { noted, call } = send()
    noted.wantsMore = false
    await noted.hasHead
    // Long enough for another silent one to be given up meanwhile.
    upstream.script((_request, socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nx'))
    expect((await ask()).failure).toMatchObject({ code: 'upstream_timeout' })
    expect(noted).toMatchObject({ text: 'ab', failure: undefined })
    call.resume()
    await noted.isOver
    expect(noted).toMatchObject({ text: 'abcd', failure: undefined })
  })

  it('takes no byte of a request is given up', async () => {
    upstream.whenConnected((socket) => socket.pause())
    const { send } = start({ limits: { writeTimeoutMs: 150 } })
    const { noted } = send({ method: 'PUT', body: Buffer.alloc(64 << 20) })
    await upstream.until(() => upstream.sockets.length === 1)
    upstream.sockets[0]!.pause()
    await noted.isOver
    expect(noted.failure).toMatchObject({ code: 'upstream_timeout' })
  })
})

describe('AV-04 a pool', () => {
  const limits = { connectionsPerPool: 2, maxQueued: 3 }

  it('opens no more connections than it may, and serves who waits in order', async () => {
    const { send, upstreams } = start({ limits })
    const order: string[] = []
    const sent = ['/1', '/2', '/3', '/4', '/5'].map((path) => {
      const { noted } = send({ path })
      void noted.isOver.then(() => order.push(path))
      return noted
    })
    await Promise.all(sent.map(({ isOver }) => isOver))
    expect(sent.map(({ text }) => text)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
    expect(order.toSorted()).toEqual(order)
    expect(upstream.connections).toHaveLength(2)
    expect(upstreams.counts().open).toBe(2)
  })

  it('says no to who would wait behind too many', async () => {
    upstream.script(NEVER)
    const { send, ask, upstreams } = start({ limits })
    const held = Array.from({ length: 5 }, () => send())
    const noted = await ask()
    expect(noted.calls).toEqual(['failure'])
    expect(noted.failure).toMatchObject({ code: 'upstream_overloaded', retryAfterSeconds: 1 })
    await upstream.until(() => upstream.requests.length === 2)
    expect(upstreams.counts()).toMatchObject({ open: 2, waiting: 3, openCircuits: 0 })
    for (const { call } of held.toReversed()) call.abort()
    expect(upstreams.counts()).toMatchObject({ open: 0, waiting: 0 })
  })

  it('says no to who has waited for too long', async () => {
    upstream.script(NEVER)
    const { send, ask } = start({ limits: { ...limits, queueTimeoutMs: 100 } })
    send()
    send()
    expect((await ask()).failure).toMatchObject({ code: 'upstream_overloaded' })
  })

  it('of a stalled upstream with ten thousand callers leaves the others alone', async () => {
    upstream.script(({ target }, socket) => {
      if (target === '/alive') socket.write(OK)
    })
    const { send, ask } = start({ limits: { connectionsPerPool: 4, maxQueued: 100 } })
    const stalled = Array.from({ length: 10_000 }, () => send())
    const alive = { ...upstream.destination, service: 'alive' }
    expect((await ask({ path: '/alive' }, alive)).text).toBe('ok')
    const refused = stalled.filter(({ noted }) => noted.failure !== undefined)
    expect(refused).toHaveLength(10_000 - 104)
    expect(refused.every(({ noted: { failure } }) => failure?.code === 'upstream_overloaded')).toBe(
      true,
    )
  })

  it('uses a connection no longer than it may', async () => {
    const { ask, upstreams } = start({ limits: { maxAgeMs: 0 } })
    await ask()
    expect(upstreams.counts().open).toBe(0)
    await upstream.until(() => upstream.openCount === 0)
  })

  it('keeps an unused connection no longer than it may', async () => {
    const { ask, upstreams } = start({ limits: { idleTimeoutMs: 100 } })
    await ask()
    await upstream.until(() => upstream.openCount === 0)
    expect(upstreams.counts().open).toBe(0)
  })

  it('believes an upstream that promises less', async () => {
    upstream.script((_request, socket) => {
      socket.write(OK.replace('OK\r\n', 'OK\r\nKeep-Alive: timeout=1\r\n'))
    })
    const { ask, upstreams } = start()
    await ask()
    expect(upstreams.counts().open).toBe(0)
  })

  it('resumes what is paused when its answer is over, for the next', async () => {
    const { send, ask } = start()
    const { noted } = send()
    noted.wantsMore = false
    await noted.isOver
    expect((await ask()).text).toBe('ok')
    expect(upstream.connections).toHaveLength(1)
  })
})

describe('CE-14 connections', () => {
  it.each([
    ['service', { service: 'other' }],
    ['credential', { credential: 'other' }],
  ])('are not shared with another %s', async (_case, change) => {
    const { ask } = start()
    await ask()
    await ask({}, { ...upstream.destination, ...change })
    await ask()
    await ask({}, { ...upstream.destination, ...change })
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1, 0, 1])
  })

  it('are shared by equal destinations', async () => {
    const { ask } = start()
    for (let count = 0; count < 3; count++) await ask({}, { ...upstream.destination })
    expect(upstream.connections).toHaveLength(1)
  })

  it('are given up when the certificates to trust change, once nobody uses them', async () => {
    upstream.script((request, socket) => {
      if (request.target === '/slow')
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow')
      else if (request.target !== '/held') socket.write(OK)
    })
    const { send, ask, upstreams } = start()
    const held = send({ path: '/held' })
    await ask()
    const changed = { ...upstream.destination, ca: 'other roots' }
    await ask({}, changed)
    await upstream.until(() => upstream.openCount === 2)
    upstream.sockets[0]!.write(OK)
    await held.noted.isOver
    expect(held.noted.text).toBe('ok')
    await upstream.until(() => upstream.openCount === 1)
    expect(upstreams.counts().open).toBe(1)
    await ask({}, changed)
    expect(upstream.requests.map(({ connection }) => connection)).toEqual([0, 1, 2, 2])
  })
})

describe('AV-04 the circuit', () => {
  const breaker = { failures: 3, openMs: 1_000, maxOpenMs: 4_000 }
  const dead: Dial = () => Promise.reject(new Failure('upstream_unreachable', 'no connection'))

  it('opens when nobody answers, and closes when a probe gets through', async () => {
    let clock = 1_000_000
    let dial = dead
    let dials = 0
    const { ask, upstreams } = start({
      limits: { breaker },
      now: () => clock,
      dial: (target) => {
        dials += 1
        return dial(target)
      },
    })
    const codes = async (count: number) => {
      const all = []
      for (let each = 0; each < count; each++) all.push((await ask()).failure?.code)
      return all
    }
    expect(await codes(5)).toEqual([
      'upstream_unreachable',
      'upstream_unreachable',
      'upstream_unreachable',
      'upstream_circuit_open',
      'upstream_circuit_open',
    ])
    expect(dials).toBe(3)
    expect(upstreams.counts().openCircuits).toBe(1)
    clock += 1_000
    expect(await codes(2)).toEqual(['upstream_unreachable', 'upstream_circuit_open'])
    expect((await ask()).failure?.retryAfterSeconds).toBe(2)
    clock += 2_000
    dial = createDial()
    expect((await ask()).text).toBe('ok')
    expect(upstreams.counts().openCircuits).toBe(0)
  })

  it('is per service and origin: others go on', async () => {
    const real = createDial()
    const { ask } = start({
      limits: { breaker },
      dial: (target) => (target.port === 1 ? dead(target) : real(target)),
    })
    const gone = { ...upstream.destination, origin: 'http://127.0.0.1:1' }
    for (let count = 0; count < 3; count++) await ask({}, gone)
    expect((await ask({}, { ...gone, credential: 'other' })).failure).toMatchObject({
      code: 'upstream_circuit_open',
    })
    expect((await ask()).text).toBe('ok')
  })

  it.each([
    ['resets', (socket: Socket) => void socket.resetAndDestroy()],
    ['malformed answers', (socket: Socket) => void socket.write('nonsense\r\n\r\n')],
  ])('opens for %s', async (_case, answer) => {
    upstream.script((_request, socket) => {
      answer(socket)
    })
    const { ask } = start({ limits: { breaker } })
    for (let count = 0; count < 3; count++) await ask()
    expect((await ask()).failure).toMatchObject({ code: 'upstream_circuit_open' })
    expect(upstream.requests).toHaveLength(3)
  })

  it('stays closed for answers of 5xx, for clients that go, and for what we refuse', async () => {
    const { ask, send } = start({ limits: { breaker, connectionsPerPool: 1, maxQueued: 0 } })
    upstream.script((_request, socket) => {
      socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
    })
    for (let count = 0; count < 5; count++) expect((await ask()).head?.status).toBe(503)
    upstream.script(NEVER)
    for (let count = 0; count < 5; count++) {
      const { call } = send()
      expect((await ask()).failure).toMatchObject({ code: 'upstream_overloaded' })
      call.abort()
      const bad = await ask({ path: '/\n' })
      expect(bad.failure).toMatchObject({ code: 'request_unwritable' })
    }
    upstream.script((_request, socket) => socket.write(OK))
    expect((await ask()).text).toBe('ok')
  })

  it('takes another probe when the first one’s client has gone', async () => {
    let clock = 1_000_000
    upstream.script((_request, socket) => void socket.resetAndDestroy())
    const { ask, send } = start({ limits: { breaker }, now: () => clock })
    for (let count = 0; count < 3; count++) await ask()
    clock += 1_000
    upstream.script(NEVER)
    const { call } = send()
    expect((await ask()).failure).toMatchObject({ code: 'upstream_circuit_open' })
    call.abort()
    upstream.script((_request, socket) => socket.write(OK))
    expect((await ask()).text).toBe('ok')
  })

  it('lets nobody wait who would only fail', async () => {
    const refusals: (() => void)[] = []
    const { send } = start({
      limits: { breaker, connectionsPerPool: 3 },
      dial: () =>
        new Promise((_resolve, reject) => {
          refusals.push(() => {
            reject(new Failure('upstream_timeout', 'not in time'))
          })
        }),
    })
    const sent = Array.from({ length: 10 }, () => send().noted)
    await until(() => refusals.length === 3)
    for (const refuse of refusals.slice(0, 3)) refuse()
    await Promise.all(sent.map(({ isOver }) => isOver))
    const codes = sent.map(({ failure }) => failure?.code)
    expect(codes.filter((code) => code === 'upstream_circuit_open')).toHaveLength(7)
  })
})

describe('a call that is aborted', () => {
  it('while it waits leaves the queue, and hears nothing', async () => {
    upstream.script(NEVER)
    const { send, upstreams } = start({ limits: { connectionsPerPool: 1 } })
    send()
    const { call, noted } = send()
    expect(upstreams.counts().waiting).toBe(2)
    call.abort()
    call.abort()
    expect(upstreams.counts().waiting).toBe(1)
    await upstream.until(() => upstream.requests.length === 1)
    upstream.sockets[0]!.write(OK)
    await until(() => upstreams.counts().idle === 1)
    expect(noted.calls).toEqual([])
    expect(upstream.requests).toHaveLength(1)
  })

  it('while it is dialled leaves a connection to the next', async () => {
    const { send, ask, upstreams } = start()
    const { call, noted } = send()
    call.abort()
    await until(() => upstreams.counts().idle === 1)
    expect((await ask()).text).toBe('ok')
    expect(upstream.connections).toHaveLength(1)
    expect(noted.calls).toEqual([])
  })

  it.each([
    ['before its answer', ''],
    ['in the middle of its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('%s takes its connection along', async (_case, text) => {
    upstream.script((_request, socket) => {
      if (text) socket.write(text)
    })
    const { send, upstreams } = start()
    const { call, noted } = send()
    await upstream.until(() => upstream.requests.length === 1)
    await until(() => noted.text.length === (text ? 4 : 0))
    const { length } = noted.calls
    call.abort()
    expect(upstreams.counts().open).toBe(0)
    await upstream.until(() => upstream.openCount === 0)
    expect(noted.calls).toHaveLength(length)
  })

  it.each(['onHead', 'onChunk'] as const)('inside %s hears nothing more', async (name) => {
    const { send, ask } = start()
    const { call, noted } = send()
    const original = noted[name].bind(noted) as (given: never) => never
    Object.assign(noted, {
      [name]: (given: never) => {
        call.abort()
        return original(given)
      },
    })
    await noted.hasHead
    await upstream.until(() => upstream.openCount === 0)
    expect(noted.calls).toEqual(name === 'onHead' ? ['head'] : ['head', 'chunk'])
    expect((await ask()).text).toBe('ok')
  })

  it('after its end does nothing to who uses the connection now', async () => {
    const { send, ask } = start()
    const { call, noted } = send()
    await noted.isOver
    upstream.script((_request, socket) => {
      call.abort()
      call.resume()
      socket.write(OK)
    })
    expect((await ask()).text).toBe('ok')
  })
})

describe('everything', () => {
  it('ends with close, and nothing begins after it', async () => {
    upstream.script((request, socket) => {
      if (request.target === '/') socket.write(OK)
    })
    const { send, ask, upstreams } = start({ limits: { connectionsPerPool: 2 } })
    await ask()
    const waiting = Array.from({ length: 4 }, () => send({ path: '/held' }).noted)
    await upstream.until(() => upstream.requests.length === 3)
    await upstreams.close()
    expect(waiting.map(({ calls }) => calls)).toEqual(waiting.map(() => ['failure']))
    await upstream.until(() => upstream.openCount === 0)
    expect((await ask()).failure).toMatchObject({ code: 'upstream_unreachable' })
    expect((await ask({}, { ...upstream.destination })).calls).toEqual(['failure'])
    expect(upstreams.counts()).toMatchObject({ open: 0, waiting: 0 })
  })

  it('that is being dialled ends with close too', async () => {
    const silent = createHttpServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    let isGivenUp = false
    const { send, upstreams } = start({
      dial: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            isGivenUp = true
            reject(new Failure('upstream_unreachable', 'given up'))
          })
        }),
    })
    const { noted } = send()
    await upstreams.close()
    expect(isGivenUp).toBe(true)
    expect(noted.calls).toEqual(['failure'])
    await new Promise((resolve) => silent.close(resolve))
  })

  it('closes what it opened, after calls of every fate', async () => {
    const fates = ['/ok', '/reset', '/garbage', '/cut', '/close', '/extra', '/stall', '/1xx']
    upstream.script(({ target }, socket) => {
      const bytes = {
        '/ok': OK,
        '/garbage': 'garbage\r\n\r\n',
        '/cut': 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf',
        '/close': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall',
        '/extra': `${OK}extra`,
        '/1xx': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(40),
      }[target]
      if (bytes !== undefined) socket.write(bytes)
      if (target === '/cut' || target === '/close') socket.end()
      if (target === '/reset') socket.resetAndDestroy()
    })
    const breaker = { failures: 1e9, openMs: 1, maxOpenMs: 1 }
    const { send, upstreams } = start({
      limits: { connectionsPerPool: 8, headTimeoutMs: 300, breaker },
    })
    const sent = Array.from({ length: 400 }, (_, index) => {
      const { call, noted } = send({ path: fates[index % fates.length]! })
      if (index % 5 === 0) {
        setImmediate(() => {
          call.abort()
          noted.onEnd()
        })
      }
      return noted
    })
    await Promise.all(sent.map(({ isOver }) => isOver))
    await until(() => upstreams.counts().open === upstreams.counts().idle)
    const { open } = upstreams.counts()
    expect(open).toBeLessThanOrEqual(8)
    await upstream.until(() => upstream.openCount === open)
    await upstreams.close()
    await upstream.until(() => upstream.openCount === 0)
  })
})
