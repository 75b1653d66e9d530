/** Questions over HTTP, each on a connection of its own: few, small, and bounded in time and size. */

import { request as startRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Ask, Question, Reply } from '../base/ask.ts'
import type { Dial } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'

export interface AskParts {
  readonly dial: Dial
  /** From the first look-up to the last byte. */
  readonly timeoutMs: number
  /** A longer body is no answer. */
  readonly maxBodyBytes?: number
}

const MAX_HEAD_BYTES = 16 * 1024
const MAX_BODY_BYTES = 256 * 1024

export function createAsk({ dial, timeoutMs, maxBodyBytes = MAX_BODY_BYTES }: AskParts): Ask {
  return async (question) => {
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const socket = await dial({ ...targetOf(question), connectTimeoutMs: timeoutMs, signal })
      return await exchange(socket, question, { signal, maxBodyBytes })
    } catch (error) {
      if (signal.aborted) throw new Failure('upstream_timeout', 'it did not answer in time')
      if (error instanceof Failure) throw error
      // Node's messages may quote what was sent or received; its codes do not.
      const why = systemErrorCode(error) ?? 'given up'
      throw new Failure('upstream_unreachable', `the connection failed: ${why}`)
    }
  }
}

function targetOf({ url, ca, allowPrivateAddress }: Question) {
  const isPlain = url.protocol === 'http:'
  return {
    protocol: isPlain ? ('http:' as const) : ('https:' as const),
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (isPlain ? 80 : 443)),
    allowPrivateAddress,
    ...(ca !== undefined && { ca }),
  }
}

interface Bounds {
  readonly signal: AbortSignal
  readonly maxBodyBytes: number
}

function exchange(socket: Socket, question: Question, bounds: Bounds): Promise<Reply> {
  const { method, url, headers, body = '' } = question
  return new Promise((resolve, reject) => {
    const request = startRequest({
      createConnection: () => socket,
      method,
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        accept: 'application/json',
        'user-agent': 'apistronghold',
        ...(body !== '' && { 'content-length': Buffer.byteLength(body) }),
        connection: 'close',
        ...headers,
      },
      maxHeaderSize: MAX_HEAD_BYTES,
      signal: bounds.signal,
    })
    request.on('error', reject)
    request.once('close', () => {
      socket.destroy()
      reject(new Failure('upstream_unreachable', 'the connection was closed too early'))
    })
    request.once('response', (answer) => {
      readBody(answer, bounds.maxBodyBytes).then((text) => {
        resolve(replyOf(answer, text))
      }, reject)
    })
    request.end(body)
  })
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw new Failure('upstream_malformed', 'its answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function replyOf({ statusCode = 0, headersDistinct }: IncomingMessage, body: string): Reply {
  const headers = Object.entries(headersDistinct).map(
    ([name, [first = ''] = []]) => [name, first] as const,
  )
  return { status: statusCode, headers: new Map(headers), body }
}
