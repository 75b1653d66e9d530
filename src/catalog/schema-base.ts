/** Pieces of the service file's schema: strict objects that say what a mistyped key should be. */

import { z } from 'zod'
import { nearest } from '../base/nearest.ts'

/** An object that takes these keys and no others. */
export function strict<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'invalid_type') return 'must be a mapping of keys to values'
      return issue.keys.map((key) => unknownKey(key, Object.keys(shape))).join('; ')
    },
  })
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  if (near !== undefined) return `unknown key "${key}"; did you mean "${near}"?`
  return known.length > 8
    ? `unknown key "${key}"`
    : `unknown key "${key}"; known are ${known.join(', ')}`
}

export const text = z.string({ error: 'must be a text' }).min(1, { error: 'must not be empty' })
export const flag = z.boolean({ error: 'must be true or false' })

export const listOf = <T extends z.ZodType>(item: T) => z.array(item, { error: 'must be a list' })

export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, {
    error: ({ input }) => {
      const near = typeof input === 'string' ? nearest(input, words) : undefined
      return near === undefined
        ? `must be one of ${words.join(', ')}`
        : `knows no "${String(input)}"; did you mean "${near}"?`
    },
  })
}

/** A mapping whose keys the file chooses. */
export const mapOf = <T extends z.ZodType>(key: z.ZodString, value: T) =>
  z.record(key, value, { error: 'must be a mapping of names to values' })

const SCOPE_NAME = /^[a-z][a-z0-9-]{0,31}$/
export const SERVICE_ID = /^[a-z][a-z0-9-]{1,31}$/
const HOST_NAME = /^(\*\.)?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

export const scopeName = text.regex(SCOPE_NAME, {
  error: 'must be a scope name: lower-case letters, digits and hyphens',
})
export const headerName = text.regex(HEADER_NAME, { error: 'must be a lower-case header name' })
export const hostName = text.regex(HOST_NAME, {
  error: 'must be a lower-case host name without a port, or *.suffix',
})
