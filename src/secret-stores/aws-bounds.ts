/** Bounds on what the AWS SDK reads: an answer that grows too large, or takes too long, ends with its connection. */

import { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { Failure } from '../base/errors.ts'

const MAX_BODY_BYTES = 256 * 1024

/** Asks once with a deadline over everything, retries and the answer's last byte included. */
export async function withDeadline<T>(
  deadlineMs: number,
  ask: (bounds: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const abortSignal = AbortSignal.timeout(deadlineMs)
  try {
    return await ask({ abortSignal })
  } catch (error) {
    if (!abortSignal.aborted) throw error
    throw new Failure('upstream_timeout', 'it did not answer in time')
  }
}

/** Cuts off answers that are larger than any secret. */
export function boundAnswers({ middlewareStack }: SecretsManagerClient): void {
  middlewareStack.add(
    (next) => async (request) => {
      const result = await next(request)
      const { response } = result
      const body = bodyOf(response)
      if (body) Object.assign(response as object, { body: bounded(body) }) // it has a body
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'boundAnswers' },
  )
}

/** The answer as Node received it; undefined for anything else. */
function bodyOf(response: unknown): IncomingMessage | undefined {
  if (typeof response !== 'object' || response === null) return undefined
  const body: unknown = Reflect.get(response, 'body')
  return body instanceof IncomingMessage ? body : undefined
}

function bounded(body: IncomingMessage): Transform {
  let length = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length
      if (length <= MAX_BODY_BYTES) done(null, chunk)
      else done(new Failure('upstream_malformed', 'its answer is too large'))
    },
  })
  // Whichever end breaks takes the other with it; the reader of the limit is told.
  pipeline(body, limit).catch(() => undefined)
  return limit
}
