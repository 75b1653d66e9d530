/**
 * How a credential becomes a value: text with `{field}` and `{base64:...}` in it, nested at will,
 * as `Basic {base64:x-access-token:{secret}}`. Read once per service, filled in per request.
 */

import { err, ok, type Result } from '../base/result.ts'
import type { Secret } from '../secret/secret.ts'

export type Fields = ReadonlyMap<string, Secret>

export interface Template {
  /** Names of the fields that it needs. */
  readonly fields: ReadonlySet<string>
  /** The value with all fields filled in; `missing` names one that the credential lacks. */
  fill(fields: Fields): Result<string, { readonly missing: string }>
}

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'base64'; readonly parts: readonly Part[] }

const FIELD = /^\{([a-z][a-z0-9_]*)\}/
const BASE64 = '{base64:'
const MAX_DEPTH = 4

/** A template, or what is wrong with it in words. */
export function parseTemplate(format: string): Result<Template, { readonly problem: string }> {
  const read = readParts(format, 0)
  if (read === undefined || read.rest !== '')
    return err({ problem: 'a format is text with {field} and {base64:...} in it' })
  const fields = new Set(read.parts.flatMap(fieldsOf))
  if (fields.size === 0) return err({ problem: 'a format needs at least one {field}' })
  return ok({ fields, fill: (values) => fill(read.parts, values) })
}

/** Reads up to the end, or up to the brace that closes the surrounding base64. */
function readParts(format: string, depth: number): { parts: Part[]; rest: string } | undefined {
  const parts: Part[] = []
  let rest = format
  while (rest !== '' && !(depth > 0 && rest.startsWith('}'))) {
    const next = readPart(rest, depth)
    if (next === undefined) return undefined
    parts.push(next.part)
    rest = next.rest
  }
  return { parts, rest }
}

function readPart(format: string, depth: number): { part: Part; rest: string } | undefined {
  if (format.startsWith(BASE64)) return readBase64(format.slice(BASE64.length), depth + 1)
  const [field, name] = FIELD.exec(format) ?? []
  if (field !== undefined && name !== undefined)
    return { part: { kind: 'field', name }, rest: format.slice(field.length) }
  const text = /^[^{}]+/.exec(format)?.[0]
  return text === undefined
    ? undefined
    : { part: { kind: 'text', text }, rest: format.slice(text.length) }
}

function readBase64(format: string, depth: number): { part: Part; rest: string } | undefined {
  const inner = depth > MAX_DEPTH ? undefined : readParts(format, depth)
  if (!inner?.rest.startsWith('}')) return undefined
  return { part: { kind: 'base64', parts: inner.parts }, rest: inner.rest.slice(1) }
}

function fieldsOf(part: Part): string[] {
  switch (part.kind) {
    case 'text':
      return []
    case 'field':
      return [part.name]
    case 'base64':
      return part.parts.flatMap(fieldsOf)
  }
}

function fill(parts: readonly Part[], fields: Fields): Result<string, { missing: string }> {
  let text = ''
  for (const part of parts) {
    if (part.kind === 'text') {
      text += part.text
    } else if (part.kind === 'field') {
      const value = fields.get(part.name)
      if (value === undefined) return err({ missing: part.name })
      text += value.reveal()
    } else {
      const inner = fill(part.parts, fields)
      if (!inner.ok) return inner
      text += Buffer.from(inner.value).toString('base64')
    }
  }
  return ok(text)
}
