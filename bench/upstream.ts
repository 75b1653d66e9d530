/** A tiny TLS upstream: the same short JSON answer to everything. A process of its own. */

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

const ANSWER = Buffer.from(JSON.stringify({ object: 'list', data: [], pad: 'x'.repeat(160) }))
const HEADERS = { 'content-type': 'application/json', 'content-length': ANSWER.length }

process.once('message', (leaf: { cert: string; key: string }) => {
  const server = createServer(leaf, (request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(200, HEADERS).end(ANSWER))
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
})
