/** Bodies larger than any memory we would give them, both ways. */

import { once } from 'node:events'
import { createServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { startPlane } from '../support/data-plane.ts'
import { createAuthority, LOOPBACK_NAMES } from '../support/pki.ts'
import { requestText } from '../support/raw-http.ts'

const PIECE = Buffer.alloc(1 << 16, 'x')
const PIECES = 3_200
const BYTES = PIECE.length * PIECES

/** Sends all of it at the pace of whoever reads. */
async function pour(sink: NodeJS.WritableStream): Promise<void> {
  for (let sent = 0; sent < PIECES; sent += 1) if (!sink.write(PIECE)) await once(sink, 'drain')
}

/** The most that was held while the work went on, beyond what was held before it. */
async function growthDuring(work: Promise<unknown>): Promise<number> {
  const held = (): number => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = held()
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, held() - before)), 20)
  await work
  clearInterval(timer)
  return most
}

it('AV-03 200 MB up and 200 MB down pass in little memory', async () => {
  const authority = createAuthority()
  let uploaded = 0
  const server = createServer(authority.issue({ names: LOOPBACK_NAMES }), (request, response) => {
    request.on('data', (chunk: Buffer) => (uploaded += chunk.length))
    request.on('end', () => {
      response.writeHead(200, { 'Content-Length': request.method === 'GET' ? BYTES : 0 })
      if (request.method === 'GET') void pour(response).then(() => response.end())
      else response.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const origin = { url, ca: authority.certificate, allowPrivateAddress: true }
  const plane = await startPlane({ services: ['openai'], settings: { origin } })
  plane.credentials.set('openai', { secret: 'sk-proj-Canary0123456789abcdefgh' })
  const token = plane.issue({ scope: 'openai:read,openai:write' })
  const headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']

  const exchange = async (line: string, more: readonly string[], hasBody: boolean) => {
    const socket = connect(plane.port, '127.0.0.1')
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.write(requestText(line, [...headers, ...more]))
    if (hasBody) await pour(socket)
    await once(socket, 'close')
    return received
  }
  const multipart = 'Content-Type: multipart/form-data; boundary=x'
  const length = [multipart, `Content-Length: ${BYTES}`]
  const upGrowth = await growthDuring(exchange('POST /openai/v1/files', length, true))
  expect(uploaded).toBe(BYTES)
  // Client, proxy and upstream share this process, and what they dropped is collected late.
  expect(upGrowth).toBeLessThan(128 << 20)
  let received = 0
  const download = exchange('GET /openai/v1/files/file-1/content', [], false)
  const downGrowth = await growthDuring(download.then((bytes) => (received = bytes)))
  expect(received).toBeGreaterThan(BYTES)
  expect(downGrowth).toBeLessThan(128 << 20)
  expect(plane.audit.outcomes).toMatchObject([
    { result: 'answered', requestBytes: BYTES },
    { result: 'answered', responseBytes: BYTES },
  ])
  await plane.stop()
  server.closeAllConnections()
  server.close()
})
