/**
 * A request's head: one meaning or none (RFC 9112 3, RFC 9110).
 *
 *     method SP target SP HTTP/1.x CRLF, field lines, CRLF
 *
 * The first mistake decides: the request line from left to right, the field lines from first to
 * last, then what they say together. What a head holds beyond its framing is for others to judge.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { FieldNames } from './field-names.ts'
import { endsWell, readFields } from './fields.ts'
import type { FieldBlock, FieldRules, HeaderField, HeadText } from './fields.ts'
import { readConnection, readFraming } from './framing.ts'
import type { Framing, Version } from './framing.ts'
import { isHost } from './host.ts'
import { bad } from './problem.ts'
import type { HeadProblem } from './problem.ts'
import { CR, LF, NAME_BYTE, SPACE, TARGET_BYTE, endOfRun } from './syntax.ts'

export interface RequestHead {
  readonly method: string
  /** One character per byte: a path, `http://host/...` for the host of Host, or `*` of OPTIONS. */
  readonly target: string
  readonly version: Version
  /** In lower case, checked; undefined only in HTTP/1.0. */
  readonly host: string | undefined
  readonly fields: readonly HeaderField[]
  /** `fields`' names as the client spelled them, by the same index. */
  readonly spelling: readonly string[]
  /** 0 when there is no body, undefined when it is chunked. */
  readonly length: number | undefined
  readonly keepsAlive: boolean
  /** The client holds its body back until it gets a 100. */
  readonly awaitsContinue: boolean
  /** The Upgrade field in lower case, where Connection names it. */
  readonly upgrade: string | undefined
}

export interface HeadLimits {
  readonly maxHeaderBytes: number
  readonly maxFields: number
  readonly maxTargetBytes: number
}

interface RequestLine {
  readonly method: string
  readonly target: string
  readonly version: Version
  /** Where the field lines begin. */
  readonly end: number
}

/** Fields that must not be repeated: a second one would be read first here and last elsewhere. */
const NAMES = new FieldNames([
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'content-type',
  'authorization',
  'proxy-authorization',
  'x-phantom-token',
])

/** The registered methods that a server of ours could know; the rest gets 501, as it should. */
const METHODS = new Set(
  (
    'GET HEAD POST PUT PATCH DELETE OPTIONS QUERY ACL BIND CHECKOUT COPY LINK LOCK MERGE ' +
    'MKACTIVITY MKCALENDAR MKCOL MOVE PROPFIND PROPPATCH REBIND REPORT SEARCH UNBIND UNLINK UNLOCK'
  ).split(' '),
)

/** Reads the head that ends at `end`, as a `HeadScanner` found it. */
export function readRequestHead(
  bytes: Buffer,
  end: number,
  limits: HeadLimits,
): Result<RequestHead, HeadProblem> {
  if (!endsWell(bytes, end)) return bad(400, 'the head has no end')
  if (end > limits.maxHeaderBytes) return bad(431, 'the head is too long')
  const head: HeadText = { bytes, text: bytes.toString('latin1', 0, end) }
  const line = readRequestLine(head, limits)
  if (!line.ok) return line
  const rules: FieldRules = { names: NAMES, maxFields: limits.maxFields, allowsTwins: false }
  const block = readFields(head, line.value.end, rules)
  return block.ok ? combine(line.value, block.value) : block
}

function readRequestLine(
  { bytes, text }: HeadText,
  { maxTargetBytes }: HeadLimits,
): Result<RequestLine, HeadProblem> {
  const methodEnd = endOfRun(bytes, 0, NAME_BYTE)
  if (methodEnd === 0 || bytes[methodEnd] !== SPACE) return bad(400, 'the method is malformed')
  const start = methodEnd + 1
  const targetEnd = endOfRun(bytes, start, TARGET_BYTE)
  if (targetEnd === start || bytes[targetEnd] !== SPACE) return bad(400, 'the target is malformed')
  if (targetEnd - start > maxTargetBytes) return bad(414, 'the target is too long')
  const version = readVersion(text, targetEnd + 1)
  if (!version.ok) return version
  const end = targetEnd + 1 + VERSION_LENGTH
  if (bytes[end] !== CR || bytes[end + 1] !== LF) return bad(400, 'the request line is malformed')
  const method = text.slice(0, methodEnd)
  if (!METHODS.has(method)) return refuseMethod(method)
  return ok({ method, target: text.slice(start, targetEnd), version: version.value, end: end + 2 })
}

const VERSION_LENGTH = 'HTTP/1.1'.length

function readVersion(text: string, at: number): Result<Version, HeadProblem> {
  if (text.startsWith('HTTP/1.1', at)) return ok('1.1')
  if (text.startsWith('HTTP/1.0', at)) return ok('1.0')
  return /^HTTP\/\d\.\d/.test(text.slice(at, at + VERSION_LENGTH))
    ? bad(505, 'only HTTP/1.1 and 1.0 are spoken')
    : bad(400, 'the version is malformed')
}

function refuseMethod(method: string): Result<never, HeadProblem> {
  return method === 'CONNECT' || method === 'TRACE'
    ? bad(405, 'CONNECT and TRACE are not spoken here')
    : bad(501, 'the method is not known')
}

function combine(line: RequestLine, block: FieldBlock): Result<RequestHead, HeadProblem> {
  const { method, target, version } = line
  const { 0: hostField, 1: length, 2: coding, 3: expectation, 4: upgrade } = block.single
  const host = lowerCase(hostField)
  const problem = problemOfDestination(line, host) ?? problemOfExpectation(expectation)
  if (problem) return err(problem)
  const framing = readFraming({ version, length, coding })
  if (!framing.ok) return framing
  const connection = readConnection(block.connection, version)
  if (!connection.isValid) return bad(400, 'the Connection field is malformed')
  const bodyLength = lengthOf(framing.value)
  const isModern = version === '1.1'
  return ok({
    method,
    target,
    version,
    host,
    fields: block.fields,
    spelling: block.spelling,
    length: bodyLength,
    keepsAlive: connection.keepsAlive,
    // An HTTP/1.0 client cannot understand a 100 (RFC 9110 10.1.1); without a body nobody waits.
    awaitsContinue: isModern && expectation !== undefined && bodyLength !== 0,
    upgrade: isModern && connection.namesUpgrade ? lowerCase(upgrade) : undefined,
  })
}

/** What Host and target say of where the request goes, each alone and both together. */
function problemOfDestination(line: RequestLine, host: string | undefined) {
  if (host === undefined ? line.version === '1.1' : !isHost(host)) return BAD_HOST
  return line.target.startsWith('/') ? undefined : problemOfTarget(line, host)
}

/** Of a target that is no path. */
function problemOfTarget({ method, target }: RequestLine, host: string | undefined) {
  if (target === '*' && method === 'OPTIONS') return undefined
  const authority = lowerCase(ABSOLUTE.exec(target)?.[1])
  if (authority === undefined || !isHost(authority)) return BAD_TARGET
  return host === undefined || host === authority ? undefined : TWO_HOSTS
}

/** `http://host:port`, then a path, a query or nothing; a user in it would be no host. */
const ABSOLUTE = /^https?:\/\/([^/?]+)/i

const BAD_HOST: HeadProblem = { status: 400, problem: 'the Host field is missing or malformed' }
const BAD_TARGET: HeadProblem = { status: 400, problem: 'the target is neither path nor URL' }
const TWO_HOSTS: HeadProblem = { status: 400, problem: 'the target and Host name two hosts' }
const BAD_EXPECT: HeadProblem = { status: 417, problem: 'the only expectation is 100-continue' }

function problemOfExpectation(expectation: string | undefined): HeadProblem | undefined {
  if (expectation === undefined || expectation.toLowerCase() === '100-continue') return undefined
  return BAD_EXPECT
}

function lengthOf(framing: Framing): number | undefined {
  if (framing === 'chunked') return undefined
  return framing === 'unsaid' ? 0 : framing
}

function lowerCase(text: string | undefined): string | undefined {
  return text?.toLowerCase()
}
