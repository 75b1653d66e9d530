/**
 * The checks of a request's head that node's parser leaves out: one meaning or none.
 *
 * The parser already refuses bad framing, bare line ends, folded lines and control bytes. Here:
 * repeated singletons, odd hosts, codings other than chunked, and names with an underscore, which
 * CGI-like servers behind us would read as another header.
 */

import type { Result } from '../../base/result.ts'
import { err, ok } from '../../base/result.ts'
import type { HeaderField } from './message.ts'

export interface RawHead {
  readonly version: string
  /** Names and values alternate, as received. */
  readonly rawHeaders: readonly string[]
}

export interface Head {
  readonly fields: readonly HeaderField[]
  readonly spelling: readonly string[]
  readonly host: string | undefined
  /** Undefined when chunked, 0 when there is no body. */
  readonly length: number | undefined
  readonly awaitsContinue: boolean
}

export interface HeadProblem {
  readonly status: number
  readonly problem: string
}

/** Values by the order of `SINGLE`. */
type Singles = readonly (string | undefined)[]

/** Fields that must not be repeated: a second one would be read first here and last elsewhere. */
const SINGLE = [
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
  'content-type',
  'authorization',
  'proxy-authorization',
  'x-phantom-token',
]
const SINGLE_INDEX = new Map(SINGLE.map((name, index) => [name, index]))

const HOST =
  /^(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?\.?|\[[0-9a-f:.]{2,45}\])(?::(?<port>\d{1,5}))?$/

/** Reads the fields and finds what makes the head ambiguous. */
export function readHead({ version, rawHeaders }: RawHead): Result<Head, HeadProblem> {
  if (version !== '1.1' && version !== '1.0') return bad(505, 'only HTTP/1.1 and 1.0 are spoken')
  const fields: HeaderField[] = []
  const spelling: string[] = []
  const single = SINGLE.map<string | undefined>(() => undefined)
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const spelled = rawHeaders[index] ?? ''
    const value = rawHeaders[index + 1] ?? ''
    const name = spelled.toLowerCase()
    if (name.includes('_')) return bad(400, 'a header name has an underscore')
    const slot = SINGLE_INDEX.get(name)
    if (slot !== undefined) {
      if (single[slot] !== undefined) return bad(400, `two ${name} fields`)
      single[slot] = value
    }
    fields.push([name, value])
    spelling.push(spelled)
  }
  return readSingles(version, single, { fields, spelling })
}

function readSingles(
  version: string,
  single: Singles,
  { fields, spelling }: Pick<Head, 'fields' | 'spelling'>,
): Result<Head, HeadProblem> {
  const [hostField, , , expectation] = single
  const host = hostField?.toLowerCase()
  if (host === undefined ? version === '1.1' : !isHost(host)) {
    return bad(400, 'the Host field is missing or malformed')
  }
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue') {
    return bad(417, 'the only expectation is 100-continue')
  }
  const framing = readFraming(version, single)
  if (!framing.ok) return framing
  // An HTTP/1.0 client cannot understand a 100 (RFC 9110 10.1.1).
  const awaitsContinue = expectation !== undefined && version === '1.1'
  return ok({ fields, spelling, host, length: framing.value, awaitsContinue })
}

/** The body's length; undefined when it is chunked (RFC 9112 6.3). */
function readFraming(version: string, single: Singles): Result<number | undefined, HeadProblem> {
  const [, declared, coding] = single
  if (coding === undefined) {
    const length = Number(declared ?? 0)
    return Number.isSafeInteger(length) ? ok(length) : bad(400, 'the length is impossible')
  }
  if (version === '1.0' || declared !== undefined) {
    return bad(400, 'the body is framed in two ways')
  }
  if (coding.toLowerCase() !== 'chunked') return bad(501, 'the only transfer coding is chunked')
  return ok(undefined)
}

function isHost(host: string): boolean {
  const found = HOST.exec(host)
  return found !== null && Number(found.groups?.['port'] ?? 0) <= 65_535
}

function bad(status: number, problem: string): Result<never, HeadProblem> {
  return err({ status, problem })
}
