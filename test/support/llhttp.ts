/** What node:http, as strict as it can be, makes of bytes; without a socket or a port. */

import { createServer, request as sendRequest } from 'node:http'
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
  const socket = openSilent()
  server.emit('connection', socket)
  socket.push(bytes)
  for (let turn = 0; turn < MAX_TURNS && requests.length < expected; turn += 1) {
    await new Promise(setImmediate)
  }
  socket.destroy()
  server.close()
  return requests.slice(0, expected)
}

export interface LlhttpAnswer {
  readonly status: number
  readonly reason: string
  /** Names as spelled and values alternate; without the framing. */
  readonly headers: readonly string[]
  readonly body: string
}

/** What one answer's bytes answer to such a request; undefined when they are no whole answer. */
export async function readAnswerByLlhttp(
  bytes: Buffer,
  method: string,
): Promise<LlhttpAnswer | undefined> {
  const socket = openSilent()
  const call = sendRequest({ method, createConnection: () => socket })
  const answers: LlhttpAnswer[] = []
  call.on('error', () => undefined)
  call.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', () => undefined)
    response.on('end', () => answers.push(asAnswer(response, Buffer.concat(chunks))))
  })
  call.end()
  await new Promise(setImmediate)
  socket.push(bytes)
  socket.push(null)
  for (let turn = 0; turn < MAX_TURNS && answers.length === 0; turn += 1) {
    await new Promise(setImmediate)
  }
  call.destroy()
  return answers[0]
}

const FRAMING = new Set(['content-length', 'transfer-encoding'])

function asAnswer(response: IncomingMessage, body: Buffer): LlhttpAnswer {
  const { statusCode = 0, statusMessage = '', rawHeaders } = response
  const headers: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    if (!FRAMING.has(name.toLowerCase())) headers.push(name, value)
  }
  return { status: statusCode, reason: statusMessage, headers, body: body.toString('latin1') }
}

/** A connection that swallows what is written to it. */
function openSilent(): Duplex {
  return new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
}

function asRequest(request: IncomingMessage, body: Buffer): LlhttpRequest {
  const { method = '', url = '', httpVersion, rawHeaders } = request
  return { method, target: url, version: httpVersion, rawHeaders, body: body.toString('latin1') }
}
