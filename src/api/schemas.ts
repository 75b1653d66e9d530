/** The pieces of JSON that several routes share, as one schema each for checking and documentation. */

import { z } from '@hono/zod-openapi'
import { isAgentName } from '../policy/agent-name.ts'
import { isSecretName, isSealerName } from '../secret/names.ts'

export const instant = () => z.int().openapi({ description: 'Epoch milliseconds.' })

export const agentName = z.string().refine(isAgentName, {
  error: 'has 1 to 64 letters, digits, dots, underscores or hyphens, a letter or digit first',
})

export const ownerName = z.string().regex(/^[^\p{C}\p{Z}](?:[^\p{C}]{0,126}[^\p{C}\p{Z}])?$/u, {
  error: 'has 1 to 128 characters, no control characters and no space at either end',
})

/** The same names that sealing keys stand under, so that one person has one name. */
export const operatorName = z.string().refine(isSealerName, {
  error: 'has 1 to 64 letters, digits, dots, underscores or hyphens, a letter or digit first',
})

export const secretName = z.string().refine(isSecretName, {
  error: 'is a service id, or an id and a split, as openai-admin',
})

export const serviceId = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, { error: 'is a service id' })

export const tokenId = z.string().regex(/^tok_[0-9A-Za-z]{20}$/, { error: 'is an id, as tok_...' })

const limit = z
  .string()
  .regex(/^(?:[1-9]\d{0,2}|1000)$/, { error: 'is a whole number from 1 to 1000' })
  .transform(Number)
  .openapi({ type: 'integer', minimum: 1, maximum: 1000, description: '100 when absent.' })

const cursor = z
  .string()
  .regex(/^[\w-]{1,1024}$/, { error: 'is the nextCursor of the page before' })
  .openapi({ description: 'The `nextCursor` of the page before, with the same filters.' })

export const pageQuery = { limit: limit.optional(), cursor: cursor.optional() }
export const DEFAULT_LIMIT = 100

/** Epoch milliseconds as query text. */
export const queryInstant = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'is epoch milliseconds' })
  .transform(Number)
  .openapi({ type: 'integer', description: 'Epoch milliseconds.' })

/** `{items}`, and `nextCursor` where there is more. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item).readonly(), nextCursor: z.string().optional() })
}

/** Why an operator does something, for whoever reads the record. */
export const spokenReason = z.string().regex(/^[^\p{C}\p{Z}](?:[^\p{C}]{0,198}[^\p{C}\p{Z}])?$/u, {
  error: 'has 1 to 200 characters, no control characters and no space at either end',
})

/** For queries with a time: whether there is any in it. */
export const isForward = ({
  since = 0,
  until = Number.MAX_SAFE_INTEGER,
}: {
  readonly since?: number | undefined
  readonly until?: number | undefined
}): boolean => since < until

export const NOT_FORWARD = { error: 'must be after `since`', path: ['until'] }
