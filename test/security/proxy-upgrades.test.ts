/** WebSockets through the running data plane: who gets one, what passes, and what ends it. */

import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findSecret, makeKey } from '../support/canary.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'
import { startWebSocketUpstream, type WebSocketUpstream } from '../support/websocket-upstream.ts'

const KEY = makeKey('sk-proj-')
const REALTIME = '/openai/v1/realtime?model=gpt-realtime'

let upstream: WebSocketUpstream
let plane: TestPlane
let token: string

beforeEach(async () => {
  upstream = await startWebSocketUpstream()
  plane = await startPlane({
    services: ['openai'],
    settings: { origin: { url: upstream.origin, allowPrivateAddress: true } },
  })
  plane.credentials.set('openai', { secret: KEY })
  token = plane.issue({ scope: 'openai:inference' })
})

afterEach(async () => {
  await plane.stop()
  await upstream.close()
})

const open = (init: { protocols?: string[]; headers?: Record<string, string> } = {}) =>
  new WebSocket(`ws://127.0.0.1:${plane.port}${REALTIME}`, {
    headers: { Authorization: `Bearer ${token}` },
    ...init,
  })

const said = async (socket: WebSocket): Promise<unknown> => {
  const [event] = (await once(socket, 'message')) as [MessageEvent]
  return event.data
}

const handshake = (line = `GET ${REALTIME}`, others: readonly string[] = []) =>
  requestText(line, [
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...others,
  ])

/** A text frame `hello`, masked with nothing. */
const HELLO = '\x81\x85\0\0\0\0hello'

/** Answers by the event loop that also moves everything else: what has come by then was read. */
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) {
    await exchangeRaw(plane.port, requestText('GET /healthz', ['Host: localhost']))
  }
}

const outcome = async () => {
  await expect.poll(() => plane.audit.outcomes.length).toBe(1)
  return plane.audit.outcomes[0]!
}

describe('a WebSocket', () => {
  it('says back what was said, and ends with one record of what passed', async () => {
    const socket = open()
    await once(socket, 'open')
    socket.send('hello')
    expect(await said(socket)).toBe('hello')
    socket.close(1000)
    const [event] = (await once(socket, 'close')) as [CloseEvent]
    expect(event).toMatchObject({ code: 1000, wasClean: true })
    expect(await outcome()).toMatchObject({
      result: 'answered',
      status: 101,
      requestBytes: upstream.received.length,
      responseBytes: 7 + 4, // the echo, and a Close with its code
    })
    expect(plane.audit.intents).toHaveLength(1)
    await upstream.until(() => upstream.openCount === 0)
  })

  it('carries a megabyte each way', async () => {
    const socket = open()
    await once(socket, 'open')
    const text = 'x'.repeat(1024 * 1024)
    socket.send(text)
    expect(await said(socket)).toBe(text)
    socket.close()
    const { requestBytes, responseBytes } = await outcome()
    expect(Math.min(requestBytes, responseBytes)).toBeGreaterThan(text.length)
  })

  it('gets the credential, and nothing that the client brought for the proxy', async () => {
    const socket = open()
    await once(socket, 'open')
    const [seen] = upstream.handshakes
    expect(seen).toMatchObject({ url: '/v1/realtime?model=gpt-realtime' })
    expect(seen?.header('authorization')).toBe(`Bearer ${KEY}`)
    expect(seen?.header('sec-websocket-version')).toBe('13')
    expect(seen?.header('connection')).toBe('Upgrade')
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(token)
    socket.send('hello')
    await said(socket)
    socket.close()
    await outcome()
    const told = JSON.stringify([plane.audit.intents, plane.audit.outcomes, plane.log])
    expect(findSecret(told, KEY)).toEqual([])
    expect(findSecret(told, token)).toEqual([])
  })

  it('takes the token from a subprotocol, and passes the other ones', async () => {
    const protocols = ['realtime', `openai-insecure-api-key.${token}`, 'openai-beta.realtime-v1']
    const socket = open({ protocols, headers: {} })
    await once(socket, 'open')
    expect(socket.protocol).toBe('realtime')
    const [seen] = upstream.handshakes
    expect(seen?.header('sec-websocket-protocol')).toBe('realtime, openai-beta.realtime-v1')
    expect(seen?.header('authorization')).toBe(`Bearer ${KEY}`)
    socket.close()
    await outcome()
  })

  it('leaves the field out when the token was the only subprotocol', async () => {
    const offered = [`Sec-WebSocket-Protocol: openai-insecure-api-key.${token}`]
    const client = openRaw(plane.port, handshake(`GET ${REALTIME}`, offered))
    await client.until('101 Switching Protocols')
    expect(upstream.handshakes[0]?.header('sec-websocket-protocol')).toBeUndefined()
    client.socket.destroy()
  })
})

describe('HF-12 an upgrade', () => {
  it.each([
    ['of an operation that has none', `GET /openai/v1/models`, []],
    ['by another method', `POST /openai/v1/responses`, []],
    ['with a body', `GET ${REALTIME}`, ['Content-Length: 2']],
    ['to one of several protocols', `GET ${REALTIME}`, []],
  ])('%s is refused, and its frames are nobody’s request', async (name, line, others) => {
    token = plane.issue({ scope: 'openai:inference,openai:read' })
    const text = handshake(line, others).replace(
      'Upgrade: websocket\r\n',
      name.includes('several') ? 'Upgrade: websocket, h2c\r\n' : 'Upgrade: websocket\r\n',
    )
    const next = requestText('GET /openai/v1/models', [`Authorization: Bearer ${token}`])
    const client = openRaw(plane.port, text + next)
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1\.1 426 /)
    expect(client.text).toContain('upgrade_refused')
    expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(upstream.openCount).toBe(0)
  })

  it('without its scope is refused before the upstream hears of it', async () => {
    token = plane.issue({ scope: 'openai:read' })
    const answer = await exchangeRaw(plane.port, handshake())
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('insufficient_scope')
    expect(upstream.openCount).toBe(0)
    expect(upstream.handshakes).toEqual([])
  })

  it('that offers another protocol goes on as an ordinary request', async () => {
    const text = handshake().replace('Upgrade: websocket', 'Upgrade: h2c')
    expect(await exchangeRaw(plane.port, text)).toMatchObject({ status: 200, body: 'no websocket' })
    expect(upstream.handshakes).toEqual([])
  })

  it('that the upstream refuses is answered by its answer, and no frame follows', async () => {
    upstream.refuse('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: no\r\n\r\nnope')
    const client = openRaw(plane.port, handshake() + HELLO)
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(client.text).toMatch(/x-why: no\r\n[^]*\r\n\r\nnope$/i)
    expect(await outcome()).toMatchObject({ result: 'answered', status: 403, responseBytes: 4 })
    expect(upstream.received).toHaveLength(0)
  })

  it.each([
    ['together with the handshake', true],
    ['before the answer', false],
  ])('whose client speaks %s ends, and nothing of it goes on', async (_when, isTogether) => {
    upstream.delay(async () => {
      if (!isTogether) client.socket.write(HELLO, 'latin1')
      await turns(3)
    })
    const client = openRaw(plane.port, handshake() + (isTogether ? HELLO : ''))
    await client.closed
    expect(client.text).toBe('')
    expect(await outcome()).toMatchObject({ result: 'abandoned', cause: 'client_spoke_early' })
    await upstream.until(() => upstream.openCount === 0)
    expect(upstream.received).toHaveLength(0)
  })
})

describe('a tunnel', () => {
  const opened = async () => {
    const socket = open()
    await once(socket, 'open')
    socket.addEventListener('error', () => undefined)
    return { socket, closed: once(socket, 'close') as Promise<[CloseEvent]> }
  }

  it('DL-07 ends on both sides when its token is revoked', async () => {
    const { socket, closed } = await opened()
    socket.send('hello')
    await said(socket)
    plane.revoke(token)
    expect((await closed)[0].code).toBe(1006)
    await upstream.until(() => upstream.openCount === 0)
    expect(await outcome()).toMatchObject({
      result: 'cut',
      cause: 'terminated_by_revoke',
      status: 101,
      requestBytes: upstream.received.length,
      responseBytes: 7,
    })
  })

  it('ends when the data plane stops', async () => {
    const { closed } = await opened()
    expect(await plane.plane.close(0)).toEqual({ finished: 0, cut: 1 })
    await closed
    await upstream.until(() => upstream.openCount === 0)
    expect(await outcome()).toMatchObject({ result: 'cut', cause: 'shutdown' })
  })

  it('ends upstream when its client breaks', async () => {
    const client = openRaw(plane.port, handshake())
    await client.until('\r\n\r\n')
    client.socket.resetAndDestroy()
    await upstream.until(() => upstream.openCount === 0)
    expect(await outcome()).toMatchObject({ result: 'abandoned', cause: 'client_gone' })
  })

  it('ends upstream when its client leaves without a word', async () => {
    const client = openRaw(plane.port, handshake())
    await client.until('\r\n\r\n')
    client.socket.write(HELLO, 'latin1')
    client.socket.end()
    await client.closed
    await upstream.until(() => upstream.openCount === 0)
    expect(upstream.received.toString('latin1')).toBe(HELLO)
    expect(await outcome()).toMatchObject({ result: 'answered', requestBytes: HELLO.length })
  })

  it.each([
    ['breaks', 'failed', 'upstream_unreachable'],
    ['ends', 'answered', undefined],
  ])('ends at the client when its upstream %s', async (how, result, cause) => {
    const { closed } = await opened()
    upstream.each((socket) => {
      if (how === 'ends') socket.end()
      else (socket as unknown as { resetAndDestroy(): void }).resetAndDestroy()
    })
    expect((await closed)[0].code).toBe(1006)
    const ended = await outcome()
    expect(ended.result).toBe(result)
    expect(ended.cause).toBe(cause)
    await upstream.until(() => upstream.openCount === 0)
  })

  it('goes at the pace of a slow reader, and loses nothing', async () => {
    const client = openRaw(plane.port, handshake())
    await client.until('\r\n\r\n')
    const head = client.text.length
    client.socket.pause()
    const much = Buffer.alloc(32 * 1024 * 1024, 'x')
    upstream.each((socket) => {
      socket.write(much)
    })
    await turns(20)
    upstream.each((socket) => {
      expect(socket.writableLength).toBeGreaterThan(0)
      socket.end()
    })
    client.socket.resume()
    await client.closed
    expect(client.text.length - head).toBe(much.length)
    expect(await outcome()).toMatchObject({ result: 'answered', responseBytes: much.length })
  })
})
