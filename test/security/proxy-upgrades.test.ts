/** Handshakes of WebSockets through the running data plane: who gets one, and what the others do. */

import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findSecret, makeKey } from '../support/canary.ts'
import { exchangeRaw, openRaw, requestText } from '../support/raw-http.ts'
import { REALTIME, startWebSocketBed, type WebSocketBed } from '../support/websocket-bed.ts'

const KEY = makeKey('sk-proj-')

let bed: WebSocketBed

beforeEach(async () => {
  bed = await startWebSocketBed(KEY)
})

afterEach(() => bed.stop())

/** A text frame `hello`, masked with nothing. */
const HELLO = '\x81\x85\0\0\0\0hello'

describe('a WebSocket', () => {
  it('gets the credential, and nothing that the client brought for the proxy', async () => {
    const socket = bed.open()
    await once(socket, 'open')
    const [seen] = bed.upstream.handshakes
    expect(seen).toMatchObject({ url: '/v1/realtime?model=gpt-realtime' })
    expect(seen?.header('authorization')).toBe(`Bearer ${KEY}`)
    expect(seen?.header('sec-websocket-version')).toBe('13')
    expect(seen?.header('connection')).toBe('Upgrade')
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(bed.token)
    socket.send('hello')
    await once(socket, 'message')
    socket.close()
    await bed.outcome()
    const told = JSON.stringify([bed.plane.audit.intents, bed.plane.audit.outcomes, bed.plane.log])
    expect(findSecret(told, KEY)).toEqual([])
    expect(findSecret(told, bed.token)).toEqual([])
  })

  it('takes the token from a subprotocol, and passes the other ones', async () => {
    const protocols = [
      'realtime',
      `openai-insecure-api-key.${bed.token}`,
      'openai-beta.realtime-v1',
    ]
    const socket = bed.open(protocols, {})
    await once(socket, 'open')
    expect(socket.protocol).toBe('realtime')
    const [seen] = bed.upstream.handshakes
    expect(seen?.header('sec-websocket-protocol')).toBe('realtime,openai-beta.realtime-v1')
    expect(seen?.header('authorization')).toBe(`Bearer ${KEY}`)
    socket.close()
    await bed.outcome()
  })

  it('leaves the field out when the token was the only subprotocol', async () => {
    const offered = [`Sec-WebSocket-Protocol: openai-insecure-api-key.${bed.token}`]
    const client = openRaw(bed.plane.port, bed.handshake({ others: offered }))
    await client.until('101 Switching Protocols')
    expect(bed.upstream.handshakes[0]?.header('sec-websocket-protocol')).toBeUndefined()
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
    const token = bed.plane.issue({ scope: 'openai:inference,openai:read' })
    const text = bed
      .handshake({ token, line, others })
      .replace(
        'Upgrade: websocket\r\n',
        name.includes('several') ? 'Upgrade: websocket, h2c\r\n' : 'Upgrade: websocket\r\n',
      )
    const next = requestText('GET /openai/v1/models', [`Authorization: Bearer ${token}`])
    const client = openRaw(bed.plane.port, text + next)
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1\.1 426 /)
    expect(client.text).toContain('upgrade_refused')
    expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(bed.upstream.openCount).toBe(0)
  })

  it('without its scope is refused before the upstream hears of it', async () => {
    const token = bed.plane.issue({ scope: 'openai:read' })
    const answer = await exchangeRaw(bed.plane.port, bed.handshake({ token }))
    expect(answer.status).toBe(403)
    expect(answer.body).toContain('insufficient_scope')
    expect(bed.upstream.openCount).toBe(0)
    expect(bed.upstream.handshakes).toEqual([])
  })

  it('that offers another protocol goes on as an ordinary request', async () => {
    const text = bed.handshake().replace('Upgrade: websocket', 'Upgrade: h2c')
    expect(await exchangeRaw(bed.plane.port, text)).toMatchObject({
      status: 200,
      body: 'no websocket',
    })
    expect(bed.upstream.handshakes).toEqual([])
  })

  it('that the upstream refuses is answered by its answer, and no frame follows', async () => {
    bed.upstream.refuse('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: no\r\n\r\nnope')
    const client = openRaw(bed.plane.port, bed.handshake() + HELLO)
    await client.closed
    expect(client.text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
    expect(client.text).toMatch(/x-why: no\r\n[^]*\r\n\r\nnope$/i)
    expect(await bed.outcome()).toMatchObject({ result: 'answered', status: 403, responseBytes: 4 })
    expect(bed.upstream.receivedBytes).toBe(0)
  })

  it.each([
    ['together with the handshake', true],
    ['before the answer', false],
  ])('whose client speaks %s ends, and nothing of it goes on', async (_when, isTogether) => {
    bed.upstream.delay(async () => {
      if (!isTogether) client.socket.write(HELLO, 'latin1')
      await bed.turns(3)
    })
    const client = openRaw(bed.plane.port, bed.handshake() + (isTogether ? HELLO : ''))
    await client.closed
    expect(client.text).toBe('')
    expect(await bed.outcome()).toMatchObject({ result: 'abandoned', cause: 'client_spoke_early' })
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(bed.upstream.receivedBytes).toBe(0)
  })
})
