/** What the framing fields say of a body, and Connection of what comes after it (RFC 9112 6, 9). */

import { ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { bad } from './problem.ts'
import type { HeadProblem } from './problem.ts'
import { SPACE, TAB } from './syntax.ts'

export type Version = '1.0' | '1.1'

/** A length, `chunked`, or nothing said. */
export type Framing = number | 'chunked' | 'unsaid'

export interface Connection {
  readonly keepsAlive: boolean
  readonly namesUpgrade: boolean
  /** Every member is a token, as the grammar wants. */
  readonly isValid: boolean
}

export interface FramingFields {
  readonly version: Version
  readonly length: string | undefined
  readonly coding: string | undefined
}

/** Reads Content-Length and Transfer-Encoding, of which there may be one or none. */
export function readFraming(fields: FramingFields): Result<Framing, HeadProblem> {
  const { version, length, coding } = fields
  if (coding === undefined) return length === undefined ? ok('unsaid') : readLength(length)
  if (length !== undefined) return bad(400, 'the body is framed in two ways')
  if (version === '1.0') return bad(400, 'HTTP/1.0 has no transfer coding')
  if (coding.toLowerCase() !== 'chunked') return bad(501, 'the only transfer coding is chunked')
  return ok('chunked')
}

/** Digits only: no sign, no list, no blank. Leading zeros do no harm, since it is written anew. */
function readLength(value: string): Result<number, HeadProblem> {
  if (!/^[0-9]+$/.test(value)) return bad(400, 'the Content-Length is malformed')
  const length = Number(value)
  return Number.isSafeInteger(length) ? ok(length) : bad(400, 'the length is impossible')
}

const ELEMENT = /^[!#$%&'*+.^_`|~0-9a-z-]*$/

/** Reads the joined Connection fields. */
export function readConnection(value: string | undefined, version: Version): Connection {
  if (value === undefined) return version === '1.1' ? KEEPS_ALIVE : CLOSES
  if (value === 'keep-alive') return KEEPS_ALIVE // what nearly every client says
  const elements = value.toLowerCase().split(',').map(trimBlanks)
  const namesUpgrade = elements.includes('upgrade')
  // HTTP/1.0 has no upgrade; who asks for one all the same may send anything behind it.
  const isAsked = version === '1.1' || (elements.includes('keep-alive') && !namesUpgrade)
  return {
    keepsAlive: isAsked && !elements.includes('close'),
    namesUpgrade,
    isValid: elements.every((element) => ELEMENT.test(element)),
  }
}

const KEEPS_ALIVE: Connection = { keepsAlive: true, namesUpgrade: false, isValid: true }
const CLOSES: Connection = { ...KEEPS_ALIVE, keepsAlive: false }

/** Not `trim`, which also takes bytes above 0x7f for blanks. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text, start)) start += 1
  while (end > start && isBlank(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === SPACE || code === TAB
}
