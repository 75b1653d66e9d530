/**
 * The field lines of a head, requests' and answers' alike (RFC 9112 5).
 *
 *     where          byte             then
 *     line begins    CR LF            the head ends
 *     line begins    token byte       name
 *     name           token byte       name
 *     name           colon            value, leading blanks left out
 *     value          text, tab        value
 *     value          CR LF            a line begins, trailing blanks left out
 *     anywhere       anything else    refused: folded lines, blanks around names, empty names
 *
 * Every loop stops at the CRLF that ends the head, so none needs to ask where the buffer ends.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { bad } from './problem.ts'
import type { HeadProblem } from './problem.ts'
import type { FieldName, FieldNames } from './field-names.ts'
import { CR, LF, NAME_BYTE, SPACE, TAB, VALUE_BYTE, endOfRun } from './syntax.ts'

/** Name in lower case, value as received (latin-1). */
export type HeaderField = readonly [name: string, value: string]

/** A head that `endsWell`, as bytes and as text of one character per byte. */
export interface HeadText {
  readonly bytes: Buffer
  readonly text: string
}

export interface FieldRules {
  readonly names: FieldNames
  readonly maxFields: number
  /** Whether a name may look like another to a server that rewrites names, as CGI does. */
  readonly allowsTwins: boolean
}

export interface FieldBlock {
  readonly fields: readonly HeaderField[]
  /** `fields`' names as they were spelled, by the same index. */
  readonly spelling: readonly string[]
  /** Values of the fields that must not be repeated, in the order of their `FieldNames`. */
  readonly single: readonly (string | undefined)[]
  /** All Connection fields, joined. */
  readonly connection: string | undefined
}

/** Whether the bytes up to `end` are there and end a head: what the loops here rely on. */
export function endsWell(bytes: Buffer, end: number): boolean {
  return (
    bytes[end - 4] === CR &&
    bytes[end - 3] === LF &&
    bytes[end - 2] === CR &&
    bytes[end - 1] === LF &&
    end >= 4
  )
}

/** Reads the field lines that begin at `start`, up to the end of the head. */
export function readFields(
  head: HeadText,
  start: number,
  rules: FieldRules,
): Result<FieldBlock, HeadProblem> {
  const reader = new FieldReader(head, rules)
  let at = start
  while (head.bytes[at] !== CR) {
    if (reader.fields.length === rules.maxFields) return bad(431, 'the head has too many fields')
    const next = reader.readLine(at)
    if (typeof next !== 'number') return err(next)
    at = next
  }
  if (at + 2 !== head.text.length) return bad(400, 'an empty line stands inside the head')
  return ok(reader)
}

class FieldReader implements FieldBlock {
  readonly fields: HeaderField[] = []
  readonly spelling: string[] = []
  readonly single: (string | undefined)[] = []
  connection: string | undefined
  readonly #head: HeadText
  readonly #rules: FieldRules

  constructor(head: HeadText, rules: FieldRules) {
    this.#head = head
    this.#rules = rules
  }

  /** Takes the line that begins there and returns where the next one does. */
  readLine(start: number): number | HeadProblem {
    const { bytes, text } = this.#head
    const colon = text.indexOf(':', start)
    const spelled = text.slice(start, colon)
    const name = this.#rules.names.find(spelled) ?? this.#readName(start, colon)
    if ('problem' in name) return name
    const end = endOfRun(bytes, colon + 1, VALUE_BYTE)
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return BAD_VALUE
    const value = this.#trimmed(colon + 1, end)
    this.fields.push([name.lowerCase, value])
    this.spelling.push(spelled)
    return this.#note(name, value, isBlank(bytes[end - 1])) ?? end + 2
  }

  /** Reads a name that is not among the known ones, or is spelled in a way of its own. */
  #readName(start: number, colon: number): FieldName | HeadProblem {
    const { bytes, text } = this.#head
    const end = endOfRun(bytes, start, NAME_BYTE)
    if (end !== colon || end === start) return BAD_NAME
    const lowerCase = text.slice(start, end).toLowerCase()
    if (!this.#rules.allowsTwins && isTwin(lowerCase)) return TWIN_NAME
    return this.#rules.names.find(lowerCase) ?? { lowerCase, slot: undefined }
  }

  /** Remembers what frames the message, and refuses a second one of it. */
  #note({ lowerCase, slot }: FieldName, value: string, endsBlank: boolean) {
    if (slot !== undefined) {
      if (this.single[slot] !== undefined) return twoOf(lowerCase)
      if (endsBlank && lowerCase === 'transfer-encoding') return BLANK_CODING
      this.single[slot] = value
    } else if (lowerCase === 'connection') {
      this.connection = this.connection === undefined ? value : `${this.connection},${value}`
    }
    return undefined
  }

  #trimmed(from: number, to: number): string {
    const { bytes, text } = this.#head
    let start = from
    let end = to
    while (start < end && isBlank(bytes[start])) start += 1
    while (end > start && isBlank(bytes[end - 1])) end -= 1
    return text.slice(start, end)
  }
}

const BAD_NAME: HeadProblem = { status: 400, problem: 'a header name is malformed' }
const BAD_VALUE: HeadProblem = { status: 400, problem: 'a header value has a control byte' }
const TWIN_NAME: HeadProblem = { status: 400, problem: 'a header name could be read as another' }

/** Legal, sent by nobody, and read in two ways: llhttp takes `chunked` and a tab for no coding. */
const BLANK_CODING: HeadProblem = { status: 400, problem: 'a blank follows the transfer coding' }

function twoOf(name: string): HeadProblem {
  return { status: 400, problem: `two ${name} fields` }
}

/** Names that frame, route or authenticate, without their hyphens. */
const GUARDED = new Set(
  [
    'host',
    'content-length',
    'transfer-encoding',
    'connection',
    'proxy-connection',
    'keep-alive',
    'te',
    'trailer',
    'upgrade',
    'expect',
    'content-type',
    'authorization',
    'proxy-authorization',
    'x-phantom-token',
  ].map((name) => name.replaceAll('-', '')),
)

/**
 * Whether a CGI-like server could take the name for another: every underscore is a hyphen to it,
 * and some drop or turn other signs too, which must not yield a guarded name.
 */
function isTwin(name: string): boolean {
  if (/^[a-z0-9-]+$/.test(name)) return false
  return name.includes('_') || GUARDED.has(name.replace(/[^a-z0-9]/g, ''))
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}
