/** What node:http, as strict as it can be, makes of a client's bytes; without a socket or a port. */

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'

export interface LlhttpRequest {
  readonly method: string
  readonly target: string
  readonly version: string
  /** Names as spelled and values alternate. */
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** Turns of the event loop after which a request that has not ended will not end. */
const MAX_TURNS = 50

/**
 * The first whole requests in the bytes, as many as are expected, or fewer when there are fewer.
 * One server per call, since an error concerns a whole connection.
 */
export async function readByLlhttp(bytes: Buffer, expected: number): Promise<LlhttpRequest[]> {
  const requests: LlhttpRequest[] = []
  const collect = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      requests.push(asRequest(request, Buffer.concat(chunks)))
      response.end()
    })
  }
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: 64 * 1024,
    connectionsCheckingInterval: 2 ** 30,
  })
  server.on('request', collect).on('checkContinue', collect).on('checkExpectation', collect)
  // It must live on: what was parsed before the error is still on its way to `collect`.
  server.on('clientError', () => undefined)
  const socket = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
  server.emit('connection', socket)
  socket.push(bytes)
  for (let turn = 0; turn < MAX_TURNS && requests.length < expected; turn += 1) {
    await new Promise(setImmediate)
  }
  socket.destroy()
  server.close()
  return requests.slice(0, expected)
}

function asRequest(request: IncomingMessage, body: Buffer): LlhttpRequest {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  return { method, target: url, version: httpVersion, rawHeaders, body: body.toString('latin1') }
}
