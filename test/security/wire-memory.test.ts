/** Bodies larger than any memory we would give them, both ways, through a process of its own. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { createAuthority, LOOPBACK_NAMES } from '../support/pki.ts'
import { watchGrowth } from '../support/process-memory.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { requestText } from '../support/raw-http.ts'
import { skipUnless } from '../support/skip.ts'

const MIB = 1 << 20
const PIECE = Buffer.alloc(1 << 16, 'x')
const WARM_UP = 128 * MIB
const GIGABYTE = 1_000_000_000
/** A pause of the collector's, some buffers under way; a leak or a held body is far beyond it. */
const MOST_GROWTH = 96 * MIB

let server: Server
let proxy: ProxyProcess
let headers: readonly string[]
let uploaded = 0

beforeAll(async () => {
  const authority = createAuthority()
  server = createServer(authority.issue({ names: LOOPBACK_NAMES }), (request, response) => {
    const asked = Number(/file-(?<bytes>\d+)/.exec(request.url ?? '')?.groups?.['bytes'] ?? 0)
    request.on('data', (chunk: Buffer) => (uploaded += chunk.length))
    request.on('end', () => {
      response.writeHead(200, { 'Content-Length': asked })
      void pipeline(generate(asked), response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const upstream = { origin: `https://127.0.0.1:${port}`, ca: authority.certificate }
  proxy = await startProxy({ services: [{ id: 'openai', secret: makeKey('sk-proj-'), upstream }] })
  const token = await proxy.issue('openai:read,openai:write')
  headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']
})

afterAll(async () => {
  await proxy.stop()
  server.closeAllConnections()
  server.close()
})

/** So many bytes, made as they are read. */
function generate(bytes: number): Readable {
  let left = bytes
  return new Readable({
    read() {
      const piece = PIECE.subarray(0, left)
      left -= piece.length
      this.push(piece.length === 0 ? null : piece)
    },
  })
}

/** Sends a head and a body at the pace of whoever reads; returns the bytes of the answer's body. */
async function exchange(head: string, bodyBytes: number): Promise<number> {
  const socket = connect(proxy.port, '127.0.0.1')
  let received = 0
  let isHead = true
  socket.on('data', (chunk: Buffer) => {
    // Both the head and the first of a body may come in one piece.
    received += isHead ? chunk.length - chunk.indexOf('\r\n\r\n') - 4 : chunk.length
    isHead = false
  })
  socket.write(head)
  await pipeline(generate(bodyBytes), socket, { end: false })
  await once(socket, 'close')
  return received
}

const upload = async (bytes: number): Promise<number> => {
  const before = uploaded
  const multipart = 'Content-Type: multipart/form-data; boundary=x'
  const more = [...headers, multipart, `Content-Length: ${bytes}`]
  await exchange(requestText('POST /openai/v1/files', more), bytes)
  return uploaded - before
}

const download = (bytes: number): Promise<number> =>
  exchange(requestText(`GET /openai/v1/files/file-${bytes}/content`, headers), 0)

it
  .skipIf(skipUnless(process.platform === 'linux', 'only Linux tells how large a process was'))
  .each([
    ['up', upload],
    ['down', download],
  ])('AV-03 a gigabyte %s passes in little memory', async (_way, carry) => {
  expect(await carry(WARM_UP)).toBe(WARM_UP)
  const growth = watchGrowth(proxy.pid)
  expect(await carry(GIGABYTE)).toBe(GIGABYTE)
  expect(growth()).toBeLessThan(MOST_GROWTH)
})
