/**
 * Stars in place of the secrets that a JSON answer carries in known fields. No length changes, and nothing
 * but the characters of those texts and the digits of those numbers.
 */

import { isUtf8 } from 'node:buffer'
import type { SecretField, SecretPart } from './answer-secrets.ts'
import { endOfScalar, endOfText, QUOTE, skipSpace } from './json-tokens.ts'

const STAR = 0x2a
const ONE = 0x31
const OBJECT = 0x7b
const ARRAY = 0x5b
const COMMA = 0x2c
const MAX_DEPTH = 64

/** The same bytes where nothing was to be masked; undefined for what is no JSON or too deep. */
export function maskFields(bytes: Buffer, fields: readonly SecretField[]): Buffer | undefined {
  if (!isUtf8(bytes) || !isJson(bytes)) return undefined
  const walk = new MaskingWalk(bytes)
  walk.value(
    fields.flatMap((field) => opened(field)),
    0,
  )
  return walk.isTooDeep ? undefined : walk.masked
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

/** What is still to come of a field below some place; empty where the place is covered. */
type Open = readonly SecretField[]

/** A `**` may also stand for nothing. */
function opened(field: SecretField): Open {
  return field[0]?.kind === 'deep' ? [field, ...opened(field.slice(1))] : [field]
}

/** Below a member of this name; without one, below an element of a list that `has` what is asked. */
function below(open: Open, name: string | undefined, has: (part: SecretPart) => boolean): Open {
  return open.flatMap((field): Open => {
    const [part, ...rest] = field
    if (!part) return [field] // covered, and so is everything inside of it
    if (part.kind === 'deep') return opened(field)
    const leads = part.kind === 'any' || (name === undefined ? has(part) : isNamed(part, name))
    return leads ? opened(rest) : []
  })
}

/** Names compare without case, as in conditions. */
function isNamed(part: SecretPart, name: string): boolean {
  return part.kind === 'name' && part.name === name.trim().toLowerCase()
}

/** Over bytes that are JSON. */
class MaskingWalk {
  masked: Buffer
  isTooDeep = false
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.masked = bytes
  }

  value(open: Open, depth: number): void {
    this.#space()
    const start = this.#at
    const first = this.#bytes[start]
    if (depth > MAX_DEPTH) this.isTooDeep = true
    if (this.isTooDeep) return
    if (first === OBJECT) this.#members(open, depth)
    else if (first === ARRAY) this.#elements(open, depth)
    else {
      this.#scalar()
      if (open.some(({ length }) => length === 0)) this.#mask(start, this.#at)
    }
    this.#space()
  }

  #scalar(): void {
    const bytes = this.#bytes
    this.#at =
      bytes[this.#at] === QUOTE
        ? endOfText(bytes, this.#at + 1, bytes.length) + 1
        : endOfScalar(bytes, this.#at)
  }

  #members(open: Open, depth: number): void {
    this.#each(() => {
      const from = this.#at
      this.#scalar()
      const name: unknown = open.length === 0 ? '' : JSON.parse(this.#text(from, this.#at))
      this.#space()
      this.#at += 1 // the colon
      const inside = below(open, String(name), () => false)
      this.value(inside, depth + 1)
    })
  }

  #elements(open: Open, depth: number): void {
    const isChoosing = open.some(([part]) => part?.kind === 'chosen')
    this.#each(() => {
      const element = isChoosing ? this.#peek(depth) : undefined
      const has = (part: SecretPart) => isNumber(part) || isChosen(part, element)
      this.value(below(open, undefined, has), depth + 1)
    })
  }

  /** Of an object or a list, whatever stands between its commas. */
  #each(read: () => void): void {
    this.#at += 1
    this.#space()
    while (!this.isTooDeep && !isClosing(this.#bytes[this.#at])) {
      read()
      if (this.#bytes[this.#at] === COMMA) this.#at += 1
      this.#space()
    }
    this.#at += 1
  }

  /** The element that begins here, read ahead. */
  #peek(depth: number): unknown {
    const start = this.#at
    this.value([], depth + 1)
    const end = this.#at
    this.#at = start
    return this.isTooDeep ? undefined : JSON.parse(this.#text(start, end))
  }

  #mask(from: number, to: number): void {
    if (this.masked === this.#bytes) this.masked = Buffer.from(this.#bytes)
    if (this.#bytes[from] === QUOTE) this.masked.fill(STAR, from + 1, to - 1)
    else for (let at = from; at < to; at++) if (isDigit(this.#bytes[at] ?? 0)) this.masked[at] = ONE
  }

  #space(): void {
    this.#at = skipSpace(this.#bytes, this.#at, this.#bytes.length)
  }

  #text(from: number, to: number): string {
    return this.#bytes.toString('utf8', from, to)
  }
}

/** A pattern that names an index covers all elements: more than it need. */
function isNumber(part: SecretPart): boolean {
  return part.kind === 'name' && /^\d+$/.test(part.name)
}

function isChosen(part: SecretPart, element: unknown): boolean {
  if (part.kind !== 'chosen' || typeof element !== 'object' || element === null) return false
  const { key, value } = part
  return Object.hasOwn(element, key) && String(Reflect.get(element, key)) === value
}

const isClosing = (byte: number | undefined): boolean =>
  byte === undefined || byte === 0x7d || byte === 0x5d

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
