/** What passes through an open WebSocket and what ends it, by the client and server of `ws`. */

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { makeKey } from '../support/canary.ts'
import { openRaw } from '../support/raw-http.ts'
import { startWebSocketBed, type WebSocketBed } from '../support/websocket-bed.ts'

const KEY = makeKey('sk-proj-')
const MIB = 1 << 20

let bed: WebSocketBed

beforeEach(async () => {
  bed = await startWebSocketBed(KEY)
})

afterEach(() => bed.stop())

/** An open conversation, with both of its ends. */
const opened = async () => {
  const socket = bed.open()
  socket.on('error', () => undefined)
  const closed = once(socket, 'close') as Promise<[number, Buffer]>
  await once(socket, 'open')
  await bed.upstream.until(() => bed.upstream.peers.length === 1)
  return { socket, closed, peer: bed.upstream.peers[0]! }
}

const said = async (socket: WebSocket) => {
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
  return isBinary ? data : data.toString()
}

describe('a WebSocket', () => {
  it('says back what was said, and ends with one record of what passed', async () => {
    const { socket, closed } = await opened()
    socket.send('hello')
    expect(await said(socket)).toBe('hello')
    socket.close(1000)
    expect((await closed)[0]).toBe(1000)
    expect(await bed.outcome()).toMatchObject({
      result: 'answered',
      status: 101,
      requestBytes: bed.upstream.receivedBytes,
      responseBytes: 7 + 4, // the echo, and a Close with its code
    })
    expect(bed.plane.audit.intents).toHaveLength(1)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
  })

  it.each([
    ['nothing', ''],
    ['text beyond ASCII', 'ü€𝄞'],
    ['bytes', Buffer.from([0, 255, 13, 10, 0])],
    ['a frame with a length of two bytes', 'x'.repeat(126)],
    ['a frame with a length of eight bytes', 'x'.repeat(1 << 16)],
  ])('carries %s', async (_what, message) => {
    const { socket } = await opened()
    socket.send(message)
    expect(await said(socket)).toEqual(message)
  })

  it('carries 16 MiB in one message, each way', async () => {
    const { socket } = await opened()
    const message = Buffer.alloc(16 * MIB, 'sixteen bytes...')
    socket.send(message)
    expect(message.equals((await said(socket)) as Buffer)).toBe(true)
    socket.close()
    const { requestBytes, responseBytes } = await bed.outcome()
    expect(Math.min(requestBytes, responseBytes)).toBeGreaterThan(message.length)
  })

  it('carries a message in fragments, with a ping between them', async () => {
    const { socket, peer } = await opened()
    const pinged = once(peer, 'ping')
    const ponged = once(socket, 'pong')
    const answer = said(socket)
    socket.send('one ', { fin: false })
    socket.ping('still there?')
    socket.send('two ', { fin: false })
    socket.send('three', { fin: true })
    expect(String((await pinged)[0])).toBe('still there?')
    expect(String((await ponged)[0])).toBe('still there?')
    expect(await answer).toBe('one two three')
  })

  it('carries pings of the upstream, and the pongs of the client', async () => {
    const { socket, peer } = await opened()
    const pinged = once(socket, 'ping')
    const ponged = once(peer, 'pong')
    peer.ping('and you?')
    expect(String((await pinged)[0])).toBe('and you?')
    expect(String((await ponged)[0])).toBe('and you?')
  })

  it('keeps a thousand messages in their order', async () => {
    const { socket } = await opened()
    const heard: string[] = []
    socket.on('message', (data: Buffer) => heard.push(data.toString()))
    const sent = Array.from({ length: 1_000 }, (_, index) => `${index}`)
    for (const each of sent) socket.send(each)
    await expect.poll(() => heard.length).toBe(sent.length)
    expect(heard).toEqual(sent)
  })

  it.each([
    ['client', 4_001, 'enough'],
    ['client', 3_000, ''],
    ['upstream', 1_011, 'broken here'],
    ['upstream', 4_999, ''],
  ])('is closed by its %s with code %i and its reason', async (who, code, reason) => {
    const { socket, peer, closed } = await opened()
    const peerClosed = once(peer, 'close') as Promise<[number, Buffer]>
    const closing = who === 'client' ? socket : peer
    closing.close(code, reason)
    for (const [seen, why] of [await closed, await peerClosed]) {
      expect([seen, String(why)]).toEqual([code, reason])
    }
    expect(await bed.outcome()).toMatchObject({ result: 'answered', status: 101 })
  })

  it('speaks the first subprotocol that was offered, where the upstream takes it', async () => {
    const socket = bed.open(['realtime', 'later'], { Authorization: `Bearer ${bed.token}` })
    await once(socket, 'open')
    expect(socket.protocol).toBe('realtime')
    expect(bed.upstream.peers[0]?.protocol).toBe('realtime')
  })

  it('serves the client that Node brings', async () => {
    const { port } = bed.plane
    const socket = new globalThis.WebSocket(`ws://127.0.0.1:${port}/openai/v1/realtime?model=x`, {
      headers: { Authorization: `Bearer ${bed.token}` },
    })
    await once(socket, 'open')
    socket.send('hello')
    const [event] = (await once(socket, 'message')) as [MessageEvent]
    expect(event.data).toBe('hello')
    socket.close(1000)
    const [end] = (await once(socket, 'close')) as [CloseEvent]
    expect(end).toMatchObject({ code: 1000, wasClean: true })
  })
})

describe('the credential in what the upstream says', () => {
  it('CE-01 does not reach the agent, in text and in bytes, and is on the record', async () => {
    const { socket, peer } = await opened()
    peer.send(`your key is ${KEY}, keep it`)
    expect(await said(socket)).toBe(`your key is ${'*'.repeat(KEY.length)}, keep it`)
    peer.send(Buffer.from(KEY))
    expect(await said(socket)).toEqual(Buffer.alloc(KEY.length, '*'))
    peer.send(`in parts: ${KEY.slice(0, 8)}`, { fin: false })
    peer.send(KEY.slice(8), { fin: true })
    expect(await said(socket)).toBe(`in parts: ${'*'.repeat(KEY.length)}`)
    socket.close()
    expect(await bed.outcome()).toMatchObject({ marks: ['credential_echo'] })
  })
})

describe('compression of messages', () => {
  it('CE-04 is never agreed upon, since nothing could be found in them', async () => {
    await bed.stop()
    bed = await startWebSocketBed(KEY, { perMessageDeflate: true })
    const { socket } = await opened()
    expect(bed.upstream.handshakes[0]?.header('sec-websocket-extensions')).toBeUndefined()
    expect(socket.extensions).toBe('')
    const text = 'again '.repeat(20_000)
    socket.send(text)
    expect(await said(socket)).toBe(text)
    socket.close()
    const { requestBytes } = await bed.outcome()
    expect(requestBytes).toBeGreaterThan(text.length)
  })
})

describe('over TLS, a WebSocket', () => {
  beforeEach(async () => {
    await bed.stop()
    bed = await startWebSocketBed(KEY, { isSecure: true })
  })

  it('carries messages, and is closed with its code', async () => {
    const { socket, closed } = await opened()
    const message = Buffer.alloc(4 * MIB, 'secure')
    socket.send(message)
    expect(message.equals((await said(socket)) as Buffer)).toBe(true)
    socket.close(4_002, 'done')
    expect(await closed).toEqual([4_002, Buffer.from('done')])
    expect(await bed.outcome()).toMatchObject({ result: 'answered', status: 101 })
  })

  it('DL-07 ends on both sides when its token is revoked', async () => {
    const { socket, closed } = await opened()
    socket.send('hello')
    await said(socket)
    bed.plane.revoke(bed.token)
    expect((await closed)[0]).toBe(1006)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(await bed.outcome()).toMatchObject({ result: 'cut', cause: 'terminated_by_revoke' })
  })

  it.each(['client', 'upstream'])('ends when its %s breaks', async (who) => {
    const { socket, closed } = await opened()
    if (who === 'client') socket.terminate()
    else bed.upstream.each((each) => each.resetAndDestroy())
    expect((await closed)[0]).toBe(1006)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    await bed.outcome()
  })

  it('is refused before its upstream hears of it without a token', async () => {
    const socket = bed.open([], {})
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
    expect(answer.statusCode).toBe(401)
    answer.destroy()
    expect(bed.upstream.handshakes).toEqual([])
  })
})

describe('a tunnel', () => {
  it('DL-07 ends on both sides when its token is revoked', async () => {
    const { socket, closed } = await opened()
    socket.send('hello')
    await said(socket)
    bed.plane.revoke(bed.token)
    expect((await closed)[0]).toBe(1006)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(await bed.outcome()).toMatchObject({
      result: 'cut',
      cause: 'terminated_by_revoke',
      status: 101,
      requestBytes: bed.upstream.receivedBytes,
      responseBytes: 7,
    })
  })

  it('DL-07 ends in the middle of a message when its token is revoked', async () => {
    const { socket, peer, closed } = await opened()
    peer.pause()
    socket.send(Buffer.alloc(64 * MIB))
    await bed.turns(20)
    expect(socket.bufferedAmount).toBeGreaterThan(0)
    bed.plane.revoke(bed.token)
    expect((await closed)[0]).toBe(1006)
    peer.resume()
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(await bed.outcome()).toMatchObject({ result: 'cut', cause: 'terminated_by_revoke' })
  })

  it('ends when the data plane stops', async () => {
    const { closed } = await opened()
    expect(await bed.plane.plane.close(0)).toEqual({ finished: 0, cut: 1 })
    await closed
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(await bed.outcome()).toMatchObject({ result: 'cut', cause: 'shutdown' })
  })

  it('ends upstream when its client breaks', async () => {
    const client = openRaw(bed.plane.port, bed.handshake())
    await client.until('\r\n\r\n')
    client.socket.resetAndDestroy()
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(await bed.outcome()).toMatchObject({ result: 'abandoned', cause: 'client_gone' })
  })

  it('ends upstream when its client leaves without a word', async () => {
    const { socket, peer } = await opened()
    const peerClosed = once(peer, 'close') as Promise<[number, Buffer]>
    const heard = once(peer, 'message')
    socket.send('hello')
    await heard
    socket.terminate()
    expect((await peerClosed)[0]).toBe(1006)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    const { requestBytes } = await bed.outcome()
    expect(requestBytes).toBe(bed.upstream.receivedBytes)
  })

  it('delivers what its client said before it ended its side', async () => {
    const client = openRaw(bed.plane.port, bed.handshake())
    await client.until('\r\n\r\n')
    client.socket.end('\x81\x85\0\0\0\0hello', 'latin1')
    await client.closed
    await bed.upstream.until(() => bed.upstream.openCount === 0)
    expect(bed.upstream.receivedBytes).toBe(11)
    expect(await bed.outcome()).toMatchObject({ result: 'answered', requestBytes: 11 })
  })

  it.each([
    ['breaks', 'failed', 'upstream_unreachable'],
    ['ends', 'answered', undefined],
  ])('ends at the client when its upstream %s', async (how, result, cause) => {
    const { closed } = await opened()
    bed.upstream.each((socket) => (how === 'ends' ? socket.end() : socket.resetAndDestroy()))
    expect((await closed)[0]).toBe(1006)
    const ended = await bed.outcome()
    expect(ended.result).toBe(result)
    expect(ended.cause).toBe(cause)
    await bed.upstream.until(() => bed.upstream.openCount === 0)
  })

  it.each(['client', 'upstream'])(
    'goes at the pace of a slow %s, and loses nothing',
    async (slow) => {
      const { socket, peer } = await opened()
      const [reader, writer] = slow === 'client' ? [socket, peer] : [peer, socket]
      reader.pause()
      const piece = Buffer.alloc(MIB, 'x')
      for (let index = 0; index < 32; index += 1) writer.send(piece)
      await bed.turns(20)
      expect(writer.bufferedAmount).toBeGreaterThan(8 * MIB)
      let heard = 0
      reader.removeAllListeners('message') // no echo of it
      reader.on('message', (data: Buffer) => (heard += data.length))
      reader.resume()
      await expect.poll(() => heard).toBe(32 * MIB)
      socket.close()
      const { requestBytes, responseBytes } = await bed.outcome()
      expect(slow === 'client' ? responseBytes : requestBytes).toBeGreaterThan(32 * MIB)
    },
  )
})
