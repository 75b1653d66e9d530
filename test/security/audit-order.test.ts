/** `audit.dangerously_before_response` at the running data plane: what may leave early, and what not. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/base/errors.ts'
import { createChannel } from '../support/channel.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { openRaw, requestText, type RawConnection } from '../support/raw-http.ts'
import { startWebSocketBed } from '../support/websocket-bed.ts'

let plane: TestPlane
/** Settles the intent that is being written. */
let intent: PromiseWithResolvers<void>

beforeAll(async () => {
  plane = await startPlane({ auditsBeforeResponse: true })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
  plane.audit.isFull = false
  plane.upstream.respond(() => ({ body: { answered: true } }))
  intent = Promise.withResolvers()
  plane.audit.onIntent = () => intent.promise
})

const open = (token: string, line = 'GET /v1/customers'): RawConnection =>
  openRaw(plane.port, requestText(line, ['Host: localhost', `Authorization: Bearer ${token}`]))

/** Enough turns of the event loop, which upstream, proxy and client share, for any answer to come. */
const turns = async (count = 50) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const fail = () => {
  intent.reject(new Failure('audit_unavailable', 'the disk is full'))
}

const untilOutcome = async () => {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
}

describe('a request that may leave before its record', () => {
  it('AU-01 gives its agent no byte of the answer before the record', async () => {
    const client = open(plane.issue())
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    await turns()
    expect(client.text).toBe('')
    intent.resolve()
    await client.until('{"answered":true}')
    expect(plane.audit.intents).toHaveLength(1)
    await untilOutcome()
    expect(plane.audit.outcomes).toMatchObject([{ result: 'answered', status: 200 }])
    client.socket.destroy()
  })

  it('gets a long answer whole, at its own pace', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({ chunks: events }))
    const client = open(plane.issue())
    for (let part = 0; part < 20; part++) events.push(`<${part}>`.padEnd(64 * 1024, '.'))
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    await turns()
    expect(client.text).toBe('')
    intent.resolve()
    await client.until('<19>')
    events.end()
    await client.until('\r\n0\r\n\r\n')
    const parts = [...client.text.matchAll(/<(\d+)>/g)].map(([, part]) => Number(part))
    expect(parts).toEqual(Array.from({ length: 20 }, (_, part) => part))
    client.socket.destroy()
  })

  it('AU-02 is cut off and refused when there will be no record', async () => {
    const events = createChannel()
    plane.upstream.respond(() => ({ chunks: events }))
    events.push('never to be seen')
    const client = open(plane.issue())
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    await turns()
    fail()
    await client.until('audit_unavailable')
    expect(client.text).toMatch(/^HTTP\/1\.1 503 /)
    expect(client.text).not.toContain('never to be seen')
    expect(plane.audit.outcomes).toMatchObject([{ result: 'cut', cause: 'audit_unavailable' }])
    client.socket.destroy()
  })

  it('is not sent at all while the audit is known to be down', async () => {
    plane.audit.isFull = true
    intent.resolve()
    const client = open(plane.issue())
    await client.until('audit_unavailable')
    expect(plane.upstream.requests).toEqual([])
    client.socket.destroy()
  })

  it.each([
    [
      'an upstream that hangs up',
      () => {
        plane.upstream.respond(() => 'reset')
      },
    ],
    [
      'a revocation',
      (token: string) => {
        plane.upstream.respond(() => 'stall')
        void plane.upstream
          .until(() => plane.upstream.requests.length === 1)
          .then(() => plane.revoke(token))
      },
    ],
  ])('is not told of %s before the record', async (_what, arrange) => {
    const token = plane.issue()
    arrange(token)
    const client = open(token, 'POST /v1/customers')
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    await turns()
    expect(client.text).toBe('')
    intent.resolve()
    await client.until('error')
    expect(client.text).toMatch(/^HTTP\/1\.1 (?:401|502) /)
    client.socket.destroy()
  })

  it('leaves nothing behind when its agent goes away meanwhile', async () => {
    const client = open(plane.issue())
    await plane.upstream.until(() => plane.upstream.requests.length === 1)
    client.socket.destroy()
    await untilOutcome()
    expect(plane.audit.outcomes).toMatchObject([{ result: 'abandoned', cause: 'client_gone' }])
    fail()
    await turns()
    expect(plane.audit.outcomes).toHaveLength(1)
  })

  it('is refused as ever when its token may not', async () => {
    const client = open(plane.issue(), 'POST /v1/refunds')
    await client.until('insufficient_scope')
    expect(plane.upstream.requests).toEqual([])
    client.socket.destroy()
  })
})

describe('a WebSocket that may be opened before its record', () => {
  it.each([
    ['opens with the record', true, / 101 /],
    ['never opens without one', false, / 503 /],
  ])('AU-01 %s', async (_what, isWritten, status) => {
    const bed = await startWebSocketBed('sk-proj-abcdefghijklmnopqrstuvwx', {
      auditsBeforeResponse: true,
    })
    bed.plane.audit.onIntent = () => intent.promise
    const client = openRaw(bed.plane.port, bed.handshake())
    await bed.upstream.until(() => bed.upstream.peers.length === 1)
    await bed.turns(20)
    expect(client.text).toBe('')
    if (isWritten) intent.resolve()
    else fail()
    await client.until('\r\n\r\n')
    expect(client.text).toMatch(status)
    client.socket.destroy()
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    await bed.stop()
  })
})
