/**
 * Where the answers to some operations carry secrets: field patterns as fields.ts knows them, and lists
 * of which only some elements count, as `envs[?type=SECRET].value`.
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseField, type FieldPattern } from './fields.ts'

/** A member that an element of a list must have; else what is below it is of no interest. */
interface Choice {
  readonly key: string
  readonly value: string
}

/** Another part of a pattern, which covers what it leads to and everything inside of that. */
export type SecretPart = FieldPattern['parts'][number] | ({ readonly kind: 'chosen' } & Choice)

export type SecretField = readonly SecretPart[]

const CHOICE = /\[\?([A-Za-z_][\w-]*)=([\w-]+)\]/

/** Reads a pattern; otherwise a sentence that says what is wrong with it. */
export function parseSecretField(text: string): Result<SecretField, string> {
  const parts: SecretPart[] = []
  let rest = text
  for (let found = CHOICE.exec(rest); found; found = CHOICE.exec(rest)) {
    const [all, key = '', value = ''] = found
    const before = parseField(rest.slice(0, found.index))
    if (!before.ok) return before
    parts.push(...before.value.parts, { kind: 'chosen', key, value })
    rest = rest.slice(found.index + all.length)
    if (rest === '') return ok(parts)
    if (!rest.startsWith('.')) return err(`has a field "${text}": write a[?type=SECRET].b`)
    rest = rest.slice(1)
  }
  if (rest.includes('?')) return err(`has a field "${text}": write a[?type=SECRET].b`)
  const last = parseField(rest)
  return last.ok ? ok([...parts, ...last.value.parts]) : last
}
