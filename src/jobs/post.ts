/**
 * One message posted to somebody else's server, over a connection of its own. The status is all
 * that counts: a redirect is a refusal, what the answer says is never read, and time is bounded.
 */

import { request as startRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Now } from '../base/clock.ts'
import type { Dial } from '../base/dial.ts'
import { err, ok } from '../base/result.ts'
import { parseRetryAfter } from '../base/retry-after.ts'
import type { Delivered, DeliveryProblem } from '../insight/alert-target.ts'
import type { WebhookUrl } from '../secret/webhook-url.ts'
import { connectionWords } from './connection-words.ts'

export interface Posting {
  /** POST unless given. */
  readonly method?: 'POST' | 'PUT'
  readonly url: WebhookUrl
  readonly headers: Readonly<Record<string, string>>
  /** JSON, unless the headers say otherwise. */
  readonly body: string
  /** PEM certificates to trust instead of the public roots. */
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  /** A status besides 2xx that says that it is there. */
  readonly takenStatus?: number
}

export type Post = (posting: Posting, signal: AbortSignal) => Promise<Delivered>

export interface PostParts {
  readonly dial: Dial
  readonly now: Now
  /** From the first look-up to the status. */
  readonly timeoutMs: number
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
}

const MAX_HEAD_BYTES = 16 * 1024
const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const

export function createPost({ dial, now, timeoutMs }: PostParts): Post {
  return async (posting, signal) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const either = AbortSignal.any([signal, timeout])
    try {
      const { url, ca, allowPrivateAddress } = posting
      const { protocol, hostname, port } = url
      const trust = ca === undefined ? {} : { ca }
      const socket = await dial({
        ...{ protocol, hostname, port, allowPrivateAddress, ...trust },
        ...{ connectTimeoutMs: timeoutMs, signal: either },
      })
      const answer = await exchange(socket, posting, either)
      return answer.status === posting.takenStatus ? ok(undefined) : judge(answer, now())
    } catch (error) {
      return err({
        problem: timeout.aborted ? 'it did not answer in time' : connectionWords(error),
      })
    }
  }
}

function exchange(socket: Socket, posting: Posting, signal: AbortSignal) {
  const { method = 'POST', url, headers, body } = posting
  return new Promise<Answer>((resolve, reject) => {
    const request = startRequest({
      createConnection: () => socket,
      method,
      path: url.path,
      headers: {
        host: hostOf(url),
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'apistronghold',
        connection: 'close',
        ...headers,
      },
      maxHeaderSize: MAX_HEAD_BYTES,
      signal,
    })
    request.on('error', reject)
    request.once('close', () => {
      socket.destroy()
      reject(new Error('closed'))
    })
    request.once('response', (answer) => {
      answer.on('error', () => undefined)
      resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] })
      request.destroy()
    })
    request.end(body)
  })
}

/** The Host field that is sent unless the headers say otherwise. */
export function hostOf({ protocol, hostname, port }: WebhookUrl): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return port === DEFAULT_PORTS[protocol] ? host : `${host}:${port}`
}

function judge({ status, retryAfter }: Answer, now: number): Delivered {
  if (status >= 200 && status < 300) return ok(undefined)
  const seconds = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, now)
  const problem: DeliveryProblem = {
    problem: status >= 300 && status < 400 ? 'it redirects elsewhere' : `it answered ${status}`,
    // Standard Webhooks: the receiver wants no more of them.
    isFinal: status === 410,
    ...(seconds !== undefined && { retryAfterSeconds: seconds }),
  }
  return err(problem)
}
