/** What must hold of the HTTP/1.1 parsers, whatever bytes they get; each check throws when it does not. */

import { deepStrictEqual, match, notStrictEqual } from 'node:assert/strict'
import { ChunkDecoder } from '../../src/proxy/http1/chunked.ts'
import { HeadScanner } from '../../src/proxy/http1/head-end.ts'
import { readRequestHead } from '../../src/proxy/http1/request-head.ts'
import type { RequestHead } from '../../src/proxy/http1/request-head.ts'
import { readResponseHead } from '../../src/proxy/http1/response-head.ts'
import type { ResponseHead } from '../../src/proxy/http1/response-head.ts'
import { LIMITS, converse, inBytes, inLines } from '../support/conversation.ts'
import { readAnswerByLlhttp, readByLlhttp } from '../support/llhttp.ts'
import { cut } from './message.ts'
import type { Random } from './random.ts'

/** Requests: judged alike however they are cut, and as llhttp judges them where we take them. */
export async function judgeRequests(bytes: Buffer, random: Random): Promise<void> {
  const whole = converse([bytes])
  for (const segments of [inBytes(bytes), inLines(bytes), cut(bytes, random)]) {
    deepStrictEqual(converse(segments), whole)
  }
  for (const { head } of whole.requests) judgeHead(head)
  judgeEnd(bytes, random)
  const ours = whole.requests.map(({ head, body }) => ({
    method: head.method,
    target: head.target,
    version: head.version,
    rawHeaders: head.fields.flatMap(([, value], index) => [head.spelling[index], value]),
    body,
  }))
  if (ours.length > 0) deepStrictEqual(await readByLlhttp(bytes, ours.length), ours)
}

/** A head has one meaning: one host, one framing, nothing that could end a line or hide a field. */
function judgeHead({ version, host, fields, target, length }: RequestHead): void {
  const valuesOf = (wanted: string) =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value.toLowerCase())
  deepStrictEqual(valuesOf('host'), host === undefined ? [] : [host])
  deepStrictEqual(host === undefined && version === '1.1', false)
  const [coding, ...codings] = valuesOf('transfer-encoding')
  const [declared, ...lengths] = valuesOf('content-length')
  deepStrictEqual([...codings, ...lengths], [])
  const isChunked = coding === 'chunked' && declared === undefined && version === '1.1'
  deepStrictEqual(length, coding === undefined ? Number(declared ?? 0) : undefined)
  deepStrictEqual(coding === undefined || isChunked, true)
  for (const [name, value] of fields) {
    match(name, /^[!#$%&'*+.^`|~0-9a-z-]+$/)
    match(value, /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/)
  }
  match(target, /^[!"$-~]+$/)
}

/** Nothing behind a head's end is read, and any other end is refused or harmless. */
function judgeEnd(bytes: Buffer, random: Random): void {
  const end = new HeadScanner(LIMITS.maxHeaderBytes).scan(bytes)
  if (typeof end === 'number' && end > 0) {
    const alone = readRequestHead(bytes.subarray(0, end), end, LIMITS)
    deepStrictEqual(readRequestHead(bytes, end, LIMITS), alone)
  }
  readRequestHead(bytes, random.below(bytes.length + 20), LIMITS)
}

/** An answer: what we take, llhttp takes with the same status, fields and body. */
export async function judgeAnswer(bytes: Buffer, random: Random): Promise<void> {
  const method = random.pick(['GET', 'GET', 'HEAD'])
  const request = { method, maxFields: 100 }
  readResponseHead(bytes, random.below(bytes.length + 20), request)
  const end = new HeadScanner(LIMITS.maxHeaderBytes).scan(bytes)
  if (typeof end !== 'number' || end === -1) return
  const head = readResponseHead(bytes, end, request)
  deepStrictEqual(readResponseHead(bytes.subarray(0, end), end, request), head)
  // An interim answer is no answer to node's client, and its 101 is no answer at all.
  if (!head.ok || head.value.status < 200) return
  const body = readBody(head.value, bytes.toString('latin1', end))
  if (!body) return
  const { status, reason, headers } = head.value
  const message = bytes.subarray(0, bytes.length - body.rest.length)
  const theirs = await readAnswerByLlhttp(message, method)
  deepStrictEqual(theirs, { status, reason, headers, body: body.data })
}

/** The body as the head frames it, and what stands behind it; undefined when it is not whole. */
function readBody({ framing, length = 0 }: ResponseHead, text: string): ReadBody | undefined {
  switch (framing) {
    case 'none':
      return { data: '', rest: text }
    case 'until_close':
      return { data: text, rest: '' }
    case 'chunked':
      return decodeNaively(text)
    case 'length':
      return text.length < length
        ? undefined
        : { data: text.slice(0, length), rest: text.slice(length) }
  }
}

/** A chunked body: what a decoder of five lines says, however it is cut. */
export function judgeChunks(bytes: Buffer, random: Random): void {
  const expected = decodeNaively(bytes.toString('latin1'))
  const whole = decode([bytes])
  deepStrictEqual(whole.isDone ? { data: whole.data, rest: whole.rest } : undefined, expected)
  for (const segments of [inBytes(bytes), cut(bytes, random)]) {
    const { isDone, problem, rest } = decode(segments)
    deepStrictEqual(
      { isDone, problem, rest },
      { isDone: whole.isDone, problem: whole.problem, rest: whole.rest },
    )
  }
  notStrictEqual(whole.isDone && whole.problem !== undefined, true)
}

function decode(segments: readonly Buffer[]) {
  const decoder = new ChunkDecoder()
  let data = ''
  let rest = ''
  for (const segment of segments) {
    const copy = Buffer.from(segment)
    const taken = decoder.push(copy, 0, (piece) => (data += piece.toString('latin1')))
    rest += copy.toString('latin1', taken)
  }
  return { data, rest, isDone: decoder.isDone, problem: decoder.problem }
}

const SIZE = /^([0-9a-f]{1,16})\r\n/i
const TRAILERS = /^((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*)\r\n/

interface ReadBody {
  readonly data: string
  readonly rest: string
}

/** A whole chunked body's data and what stands behind it; undefined for anything less. */
function decodeNaively(text: string): ReadBody | undefined {
  let data = ''
  let rest = text
  for (;;) {
    const [line, digits = ''] = SIZE.exec(rest) ?? []
    const size = Number.parseInt(digits, 16)
    if (line === undefined || !Number.isSafeInteger(size)) return undefined
    rest = rest.slice(line.length)
    if (size === 0) return dropTrailers(data, rest)
    if (rest.slice(size, size + 2) !== '\r\n') return undefined
    data += rest.slice(0, size)
    rest = rest.slice(size + 2)
  }
}

function dropTrailers(data: string, text: string): ReadBody | undefined {
  const [end, trailers = ''] = TRAILERS.exec(text) ?? []
  const isFramed = /^(?:content-length|transfer-encoding):/im.test(trailers)
  return end === undefined || isFramed ? undefined : { data, rest: text.slice(end.length) }
}
