/**
 * The journal's lines: one record, one line of JSON, its fields always all there and always in the
 * same order. Built by concatenation, since each admitted request waits for one.
 *
 * A line here lacks its opening, the sequence number: the journal gives that when it writes, so that
 * what could not be written leaves no gap. docs/formats/audit.md describes every field.
 */

import type { KeyObject } from 'node:crypto'
import type {
  ChangeEvent,
  IntentEvent,
  OutcomeEvent,
  Parameters,
  RefusalEvent,
} from './audit-log.ts'
import type { Access } from '../policy/access.ts'
import type { Grant } from '../policy/grant.ts'
import type { Count } from './counter.ts'
import {
  id,
  list,
  name,
  NAME_LIMIT,
  number,
  optional,
  remembered,
  REMEMBERED,
  rule,
  userAgent,
} from './fields.ts'
import { createInstantFormat, type FormatInstant } from './instant.ts'
import { PATH_LIMIT, redactPath } from './path.ts'
import { quote } from './text.ts'
import { formatUsage } from './usage.ts'
import { formatValue } from './value.ts'

/** The version of the format, written into each segment's first record. */
export const FORMAT = 1

const NO_PATTERNS: readonly string[] = []
const NO_PARAMETERS: Parameters = {}

const PARAMETER_LIMITS = { size: 8192, text: 256 }
const REASON_LIMITS = { size: 2048, text: 512 }
const DETAIL_LIMITS = { size: 16_384, text: 1024 }

export interface LineParts {
  /** Name of the writing process's journal: the replica. */
  readonly writer: string
  readonly environment: string
  /** The audit-hash key. */
  readonly key: KeyObject
  /** `redact.path` of a service's file. */
  readonly pathPatterns: (service: string) => readonly string[]
}

export interface Recovery {
  readonly cause: 'start' | 'unwritable'
  readonly details: Readonly<Record<string, unknown>>
}

export interface SegmentStart {
  /** First sequence number of the segment before; null in the first of all. */
  readonly previous: number | null
  /** Requests whose intent stands in an earlier segment and whose outcome is still to come. */
  readonly open: readonly string[]
}

/** One method per kind; each gives a line without its sequence number. `time` is the writing clock's. */
export interface LineFormat {
  intent(event: IntentEvent, time: number): string
  refusal(event: RefusalEvent, time: number): string
  outcome(event: OutcomeEvent, time: number): string
  change(event: ChangeEvent, time: number): string
  counted(count: Count, time: number): string
  recovery(recovery: Recovery, time: number): string
  readonly segment: SegmentFormat
}

/** A segment's first record, which the journal's writer makes itself. */
export type SegmentFormat = (start: SegmentStart, time: number) => string

/** The whole line, with its newline. */
export function numbered(sequence: number, line: string): string {
  return '{"seq":' + String(sequence) + ',' + line + '\n'
}

export function createLineFormat(parts: LineParts): LineFormat {
  return new Lines(parts)
}

export function createSegmentFormat({
  writer,
  environment,
}: Pick<LineParts, 'writer' | 'environment'>): SegmentFormat {
  const instant = createInstantFormat()
  return ({ previous, open }, time) =>
    `"time":${instant(time)},"kind":"segment","requestId":null,"writer":${id(writer)}` +
    `,"format":${FORMAT},"environment":${id(environment)}` +
    `,"previous":${number(previous ?? undefined)},"open":[${open.map(id).join(',')}]}`
}

class Lines implements LineFormat {
  readonly segment: SegmentFormat
  readonly #parts: LineParts
  readonly #instant: FormatInstant = createInstantFormat()
  readonly #writer: string
  readonly #id = remembered(id)
  readonly #name = remembered(name)
  readonly #rule = remembered(rule)
  readonly #userAgent = remembered(userAgent)
  /** A token's fields are the same in all of its records. */
  readonly #grants = new WeakMap<Grant, string>()
  /** By the rules that were asked, which are others after a reload. */
  readonly #plainPaths = new WeakMap<readonly string[], Map<string, string>>()

  constructor(parts: LineParts) {
    this.#parts = parts
    this.segment = createSegmentFormat(parts)
    this.#writer = ',"writer":' + id(parts.writer)
  }

  intent(event: IntentEvent, time: number): string {
    const { access, credential } = event
    return (
      this.#head('intent', access.requestId, time) +
      this.#request(event.grant, access, access.receivedAt) +
      ',"parameters":' +
      formatParameters(event.parameters) +
      ',"decision":"allow","origin":' +
      this.#name(access.origin) +
      ',"credential":' +
      this.#credential(credential) +
      this.#tail(access.source, event)
    )
  }

  refusal(event: RefusalEvent, time: number): string {
    const { reason, ...details } = event.refusal
    return (
      this.#head('refusal', event.requestId, time) +
      this.#request(event.grant, event.access, event.at) +
      ',"parameters":' +
      formatParameters(event.parameters) +
      ',"decision":"deny","reason":' +
      id(reason) +
      ',"details":' +
      formatValue(details, REASON_LIMITS) +
      this.#tail(event.source, event)
    )
  }

  outcome(event: OutcomeEvent, time: number): string {
    const { admitted, firstByte, total } = event.durationsMs
    return (
      this.#head('outcome', event.requestId, time) +
      `,"result":${id(event.result)},"cause":${optional(event.cause, name)}` +
      `,"status":${number(event.status)},"requestBytes":${number(event.requestBytes)}` +
      `,"responseBytes":${number(event.responseBytes)},"durationsMs":{"admitted":${number(admitted)}` +
      `,"firstByte":${number(firstByte)},"total":${number(total)}}` +
      `,"marks":${list(event.marks ?? [])},"usage":${formatUsage(event.usage)}` +
      `,"parameters":${formatParameters(event.parameters ?? NO_PARAMETERS)}}`
    )
  }

  change(event: ChangeEvent, time: number): string {
    return (
      this.#head('change', event.requestId, time) +
      `,"at":${this.#instant(event.at)},"operator":${name(event.operator)}` +
      `,"action":${name(event.action)},"target":${name(event.target)},"result":${id(event.result)}` +
      `,"details":${formatValue(event.details, DETAIL_LIMITS)},"source":${id(event.source)}}`
    )
  }

  counted({ at, reason, network, count, sample }: Count, time: number): string {
    return (
      this.#head('counted', sample.requestId, time) +
      `,"at":${this.#instant(at)},"decision":"deny","reason":${id(reason)}` +
      `,"network":${id(network)},"count":${count},"sample":{"source":${id(sample.source)}` +
      `,"service":${optional(sample.service, name)},"digestPrefix":${optional(sample.digestPrefix, id)}` +
      `,"userAgent":${optional(sample.userAgent, userAgent)}}}`
    )
  }

  recovery({ cause, details }: Recovery, time: number): string {
    const head = this.#head('recovery', undefined, time)
    return `${head},"cause":${id(cause)},"details":${formatValue(details, DETAIL_LIMITS)}}`
  }

  #head(kind: string, requestId: string | undefined, time: number): string {
    return (
      '"time":' +
      this.#instant(time) +
      ',"kind":"' +
      kind +
      '","requestId":' +
      optional(requestId, id) +
      this.#writer
    )
  }

  /** What intents and refusals share: who asked, and for what. */
  #request(grant: Grant, access: Partial<Access>, at: number): string {
    return (
      ',"at":' +
      this.#instant(at) +
      this.#grant(grant) +
      ',"service":' +
      optional(access.service, this.#name) +
      ',"scopes":' +
      list(access.scopes ?? [], this.#name) +
      ',"method":' +
      optional(access.method, this.#name) +
      ',"host":' +
      optional(access.host, this.#name) +
      ',"rule":' +
      optional(access.rule, this.#rule) +
      ',"path":' +
      this.#path(access)
    )
  }

  #grant(grant: Grant): string {
    const known = this.#grants.get(grant)
    if (known !== undefined) return known
    const text =
      `,"agent":${name(grant.agent)},"tokenId":${id(grant.id)}` +
      `,"sessionId":${optional(grant.sessionId, id)},"chain":${list(grant.chain)}` +
      `,"issuedBy":${name(grant.issuedBy)}`
    this.#grants.set(grant, text)
    return text
  }

  #credential(credential: IntentEvent['credential']): string {
    if (credential === undefined) return 'null'
    return (
      '{"name":' + this.#name(credential.name) + ',"version":' + this.#id(credential.version) + '}'
    )
  }

  #path({ path, service }: Partial<Access>): string {
    if (path === undefined) return 'null'
    const rules = service === undefined ? NO_PATTERNS : this.#parts.pathPatterns(service)
    const patterns = rules.length === 0 ? NO_PATTERNS : rules
    return this.#plainPaths.get(patterns)?.get(path) ?? this.#redactedPath(path, patterns)
  }

  /** What is left as it was is remembered; a path with a secret in it stays nowhere. */
  #redactedPath(path: string, patterns: readonly string[]): string {
    const redacted = redactPath(path, { key: this.#parts.key, patterns })
    const text = quote(redacted, 2 * PATH_LIMIT)
    if (redacted !== path || path.length > NAME_LIMIT) return text
    const known = this.#plainPaths.get(patterns) ?? new Map<string, string>()
    if (known.size >= REMEMBERED) known.clear()
    this.#plainPaths.set(patterns, known.set(path, text))
    return text
  }

  #tail(source: string, event: IntentEvent | RefusalEvent): string {
    return (
      ',"source":' +
      this.#id(source) +
      ',"userAgent":' +
      optional(event.userAgent, this.#userAgent) +
      ',"catalogDigest":' +
      optional(event.catalogDigest, this.#id) +
      ',"marks":' +
      list(event.marks ?? []) +
      '}'
    )
  }
}

function formatParameters(parameters: Parameters): string {
  for (const _any in parameters) return formatValue(parameters, PARAMETER_LIMITS)
  return '{}'
}
