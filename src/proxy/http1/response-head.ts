/**
 * An answer's head, as strictly as a request's: an upstream may be hostile, or broken.
 *
 *     HTTP/1.x SP status [ SP reason ] CRLF, field lines, CRLF
 *
 * The blank before an empty reason is the one thing that may be missing: many servers leave it out,
 * and nothing can be hidden there.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { FieldNames } from './field-names.ts'
import { endsWell, readFields } from './fields.ts'
import type { FieldBlock, FieldRules, HeadText } from './fields.ts'
import { readConnection, readFraming } from './framing.ts'
import type { Framing, Version } from './framing.ts'
import { CR, LF, REASON_BYTE, SPACE, endOfRun } from './syntax.ts'

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  /** Names as spelled and values alternate; without Content-Length and Transfer-Encoding. */
  readonly headers: string[]
  /** As declared, which for HEAD and 304 is of a body that does not come. */
  readonly length: number | undefined
  /** How the body ends; `none` when there is none. */
  readonly framing: 'none' | 'length' | 'chunked' | 'until_close'
  /** Another request may follow on this connection once the body has ended. */
  readonly keepsAlive: boolean
}

/** What of its request decides how an answer is read. */
export interface AnsweredRequest {
  readonly method: string
  readonly maxFields: number
}

interface StatusLine {
  readonly version: Version
  readonly status: number
  readonly reason: string
  /** Where the field lines begin. */
  readonly end: number
}

const LENGTH = 'content-length'
const CODING = 'transfer-encoding'
const NAMES = new FieldNames([LENGTH, CODING])

/** Reads the head that ends at `end`, as a `HeadScanner` found it, or says what is wrong. */
export function readResponseHead(
  bytes: Buffer,
  end: number,
  { method, maxFields }: AnsweredRequest,
): Result<ResponseHead, string> {
  if (!endsWell(bytes, end)) return err('the head has no end')
  const head: HeadText = { bytes, text: bytes.toString('latin1', 0, end) }
  const line = readStatusLine(head)
  if (!line.ok) return line
  const rules: FieldRules = { names: NAMES, maxFields, allowsTwins: true }
  const block = readFields(head, line.value.end, rules)
  return block.ok ? combine(line.value, block.value, method) : err(block.error.problem)
}

function readStatusLine({ bytes, text }: HeadText): Result<StatusLine, string> {
  const version = text.startsWith('HTTP/1.1 ') ? '1.1' : '1.0'
  if (version === '1.0' && !text.startsWith('HTTP/1.0 ')) return err('the version is malformed')
  const status = readStatus(text.slice(STATUS_START, STATUS_END))
  if (status === undefined) return err('the status is malformed')
  const hasReason = bytes[STATUS_END] === SPACE
  const start = hasReason ? STATUS_END + 1 : STATUS_END
  const end = hasReason ? endOfRun(bytes, start, REASON_BYTE) : start
  if (bytes[end] !== CR || bytes[end + 1] !== LF) return err('the status line is malformed')
  return ok({ version, status, reason: text.slice(start, end), end: end + 2 })
}

const STATUS_START = 'HTTP/1.1 '.length
const STATUS_END = STATUS_START + 3

function readStatus(digits: string): number | undefined {
  return /^[1-5][0-9][0-9]$/.test(digits) ? Number(digits) : undefined
}

function combine(
  { version, status, reason }: StatusLine,
  block: FieldBlock,
  method: string,
): Result<ResponseHead, string> {
  const { 0: declared, 1: coding } = block.single
  const framing = readFraming({ version, length: declared, coding })
  if (!framing.ok) return err(framing.error.problem)
  const said = framing.value
  if (status < 200 || status === 204) {
    // A body here would be the next answer to whoever believes the status (RFC 9112 6.3).
    if (said !== 'unsaid' && said !== 0) return err('the status allows no body')
  }
  const bodyFraming = framingOf(said, method === 'HEAD' || isBodiless(status))
  const { keepsAlive, isValid } = readConnection(block.connection, version)
  return ok({
    status,
    reason,
    headers: headersOf(block),
    length: typeof said === 'number' ? said : undefined,
    framing: bodyFraming,
    keepsAlive: keepsAlive && isValid && bodyFraming !== 'until_close',
  })
}

function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304
}

function framingOf(said: Framing, hasNoBody: boolean): ResponseHead['framing'] {
  if (hasNoBody || said === 0) return 'none'
  if (said === 'unsaid') return 'until_close'
  return said === 'chunked' ? 'chunked' : 'length'
}

function headersOf({ fields, spelling }: FieldBlock): string[] {
  const headers: string[] = []
  for (let index = 0; index < fields.length; index += 1) {
    const [name = '', value = ''] = fields[index] ?? []
    if (name !== LENGTH && name !== CODING) headers.push(spelling[index] ?? name, value)
  }
  return headers
}
