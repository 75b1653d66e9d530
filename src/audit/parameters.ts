/**
 * Query, form and JSON fields in the form that a record may keep: names always; a value only when
 * it is plain (plain-shapes.ts) and its name is not sensitive (field-rules.ts), else its length and
 * keyed digest. docs/formats/audit.md tells readers the same.
 */

import type { KeyObject } from 'node:crypto'
import type { Parameters } from './audit-log.ts'
import { digestOf, redactedText } from './digest.ts'
import { compileRules, placeOf, type IsSensitive, type RedactRules } from './field-rules.ts'
import { isPlainName, isPlainValue } from './plain-shapes.ts'

export interface ParameterSource {
  /** As in the request target, without the question mark. */
  readonly query: string | undefined
  /** A urlencoded body as received. */
  readonly form?: string | Uint8Array
  /** A JSON body as received. */
  readonly json?: string | Uint8Array
  /** A body that is neither, or of which a part is missing. */
  readonly other?: OtherBody
  readonly rules: RedactRules
  /** Whether a text holds what must not be kept, whatever it looks like. */
  readonly isSecret?: (text: string) => boolean
  /** The audit-hash key. */
  readonly key: KeyObject
}

export interface OtherBody {
  /** Its beginning at least. */
  readonly bytes: Uint8Array
  /** Bytes that came of it, whether they are here or not. */
  readonly length: number
  readonly isWhole: boolean
}

/** Longer bodies are kept as length and digest only: nobody waits for the audit to parse them. */
const BODY_LIMIT_BYTES = 64 * 1024
/** Longer ones as their length only. */
const DIGEST_LIMIT_BYTES = 1024 * 1024
/** Fields of one request that are told apart; the others are counted. */
const FIELD_LIMIT = 64
const DEPTH_LIMIT = 6

const NONE: Parameters = Object.freeze({})

/** What may be kept of a request's query and body. Never throws; a body that is no JSON is digested. */
export function redactParameters(source: ParameterSource): Parameters {
  const { query, form, json, other, rules, key, isSecret } = source
  if (!query && form === undefined && json === undefined && other === undefined) return NONE
  const sensitive = compileRules(rules)
  const redaction = (isSensitive: IsSensitive) => new Redaction({ key, isSensitive, isSecret })
  return {
    ...(query ? { query: redaction(sensitive.query).fields(query) } : {}),
    ...(form !== undefined && formPart(asBuffer(form), redaction(sensitive.body), key)),
    ...(json !== undefined && jsonPart(asBuffer(json), redaction(sensitive.body), key)),
    ...(other !== undefined && { body: digestedBody(other, key) }),
  }
}

function formPart(bytes: Buffer, redaction: Redaction, key: KeyObject): Parameters {
  if (bytes.length > BODY_LIMIT_BYTES) return { body: digestedBytes(bytes, key) }
  return { form: redaction.fields(bytes.toString('utf8')) }
}

function jsonPart(bytes: Buffer, redaction: Redaction, key: KeyObject): Parameters {
  if (bytes.length > BODY_LIMIT_BYTES) return { body: digestedBytes(bytes, key) }
  try {
    return { json: redaction.value(JSON.parse(bytes.toString('utf8')), [], 0) }
  } catch {
    return { body: digestedBytes(bytes, key) }
  }
}

function digestedBody({ bytes, length, isWhole }: OtherBody, key: KeyObject) {
  if (isWhole) return digestedBytes(bytes, key)
  return { length, hmac: digestOf(key, bytes), partial: true }
}

function digestedBytes(bytes: Uint8Array, key: KeyObject): Record<string, unknown> {
  if (bytes.length > DIGEST_LIMIT_BYTES) return { length: bytes.length }
  return { length: bytes.length, hmac: digestOf(key, bytes) }
}

function asBuffer(body: string | Uint8Array): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

interface RedactionParts {
  readonly key: KeyObject
  readonly isSensitive: IsSensitive
  readonly isSecret: ParameterSource['isSecret']
}

/** One pass over one part of a request; it counts the fields that it has kept. */
class Redaction {
  readonly #key: KeyObject
  readonly #isSensitive: IsSensitive
  readonly #isSecret: ParameterSource['isSecret']
  #left = FIELD_LIMIT

  constructor({ key, isSensitive, isSecret }: RedactionParts) {
    this.#key = key
    this.#isSensitive = isSensitive
    this.#isSecret = isSecret
  }

  /** `a=1&b=2&b=3` -> {a: '1', b: ['2', '3']}. */
  fields(encoded: string): Record<string, unknown> {
    const kept = new Map<string, unknown[]>()
    let omitted = 0
    for (const [name, value] of new URLSearchParams(encoded)) {
      if (this.#left-- <= 0) omitted++
      else {
        const label = this.#name(name)
        const values = kept.get(label) ?? []
        values.push(this.#text(value, placeOf(name)))
        kept.set(label, values)
      }
    }
    if (omitted > 0) kept.set('[more]', [omitted])
    return Object.fromEntries(
      [...kept].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
    )
  }

  value(value: unknown, place: readonly string[], depth: number): unknown {
    if (this.#left <= 0 || depth > DEPTH_LIMIT) return '[more]'
    if (Array.isArray(value)) return this.#array(value, place, depth)
    if (typeof value === 'object' && value !== null) return this.#object(value, place, depth)
    this.#left--
    if (typeof value === 'string') return this.#text(value, place)
    return typeof value === 'number' ? this.#number(value, place) : value
  }

  #array(items: readonly unknown[], place: readonly string[], depth: number): unknown[] {
    const kept: unknown[] = []
    for (const item of items) {
      if (this.#left <= 0) break
      kept.push(this.value(item, place, depth + 1))
    }
    if (kept.length < items.length) kept.push(`[+${items.length - kept.length}]`)
    return kept
  }

  #object(value: object, place: readonly string[], depth: number): Record<string, unknown> {
    const kept: [string, unknown][] = []
    const members = Object.entries(value)
    for (const [name, member] of members) {
      if (this.#left <= 0) break
      kept.push([this.#name(name), this.value(member, [...place, name], depth + 1)])
    }
    if (kept.length < members.length) kept.push(['[more]', members.length - kept.length])
    return Object.fromEntries(kept)
  }

  #name(name: string): string {
    return isPlainName(name) && !this.#holdsSecret(name) ? name : redactedText(this.#key, name)
  }

  #text(text: string, place: readonly string[]): unknown {
    if (!this.#isSensitive(place) && isPlainValue(text) && !this.#holdsSecret(text)) return text
    return { length: text.length, hmac: digestOf(this.#key, text) }
  }

  #holdsSecret(text: string): boolean {
    return this.#isSecret?.(text) === true
  }

  #number(value: number, place: readonly string[]): unknown {
    const text = String(value)
    return !this.#isSensitive(place) && isPlainValue(text) ? value : this.#text(text, place)
  }
}
