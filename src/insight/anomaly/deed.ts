/** What a journal record says that rules look at: parsed once, from data that nobody vouches for. */

import type { AuditRecord } from '../../audit/audit-reader.ts'
import { networkOf } from '../../audit/network.ts'

/** A request that was let in. */
export interface Admitted extends AgentDeed {
  readonly kind: 'intent'
  /** `stripe POST /v1/refunds/**` */
  readonly operation: string
}

export interface Refused extends AgentDeed {
  readonly kind: 'refusal'
  readonly reason: string
  /** What was refused, as far as it was known. */
  readonly wanted: string
  /** Epoch ms; undefined for a token that is not, and where the record does not say. */
  readonly revokedAt: number | undefined
}

interface AgentDeed {
  readonly at: number
  readonly agent: string
  readonly tokenId: string | undefined
  readonly requestId: string | undefined
  /** /24 or /48. */
  readonly network: string
  /** Without versions. */
  readonly userAgent: string
  readonly marks: readonly string[]
}

export interface Ended {
  readonly kind: 'outcome'
  readonly at: number
  readonly requestId: string
  readonly requestBytes: number
  readonly responseBytes: number
  readonly marks: readonly string[]
}

/** Refusals of something that was no token of ours. */
export interface Counted {
  readonly kind: 'counted'
  readonly at: number
  readonly reason: string
  readonly network: string
  readonly count: number
}

export interface Changed {
  readonly kind: 'change'
  readonly at: number
  readonly operator: string
  readonly action: string
  readonly requestId: string | undefined
}

export type Deed = Admitted | Refused | Ended | Counted | Changed

/** Undefined for what no rule looks at, and for what is no record of ours. */
export function deedOf(record: AuditRecord): Deed | undefined {
  const at = typeof record.time === 'string' ? Date.parse(record.time) : Number.NaN
  if (!Number.isFinite(at)) return undefined
  switch (record.kind) {
    case 'intent':
    case 'refusal':
      return agentDeed(record, at)
    case 'outcome':
      return endedOf(record, at)
    case 'counted':
      return countedOf(record, at)
    case 'change':
      return changedOf(record, at)
    default:
      return undefined
  }
}

function agentDeed(record: AuditRecord, at: number): Admitted | Refused | undefined {
  const agent = textOf(record.agent)
  if (agent === undefined) return undefined
  const service = textOf(record.service) ?? ''
  const rule = textOf(record.rule)
  const deed = {
    at,
    agent,
    tokenId: textOf(record.tokenId),
    requestId: textOf(record.requestId),
    network: knownNetworkOf(textOf(record.source) ?? ''),
    userAgent: productOf(textOf(record.userAgent)),
    marks: marksOf(record.marks),
  }
  if (record.kind === 'intent')
    return { ...deed, kind: 'intent', operation: `${service} ${rule ?? '?'}` }
  const wanted = rule ?? `${textOf(record.method) ?? ''} ${textOf(record.path) ?? ''}`
  return {
    ...deed,
    kind: 'refusal',
    reason: textOf(record.reason) ?? 'unknown',
    wanted: `${service} ${wanted}`,
    revokedAt: revokedAtOf(record.details),
  }
}

function endedOf(record: AuditRecord, at: number): Ended | undefined {
  const requestId = textOf(record.requestId)
  if (requestId === undefined) return undefined
  return {
    ...{ kind: 'outcome', at, requestId, marks: marksOf(record.marks) },
    requestBytes: countOf(record.requestBytes),
    responseBytes: countOf(record.responseBytes),
  }
}

function countedOf(record: AuditRecord, at: number): Counted | undefined {
  const network = textOf(record.network)
  const reason = textOf(record.reason)
  if (network === undefined || reason === undefined) return undefined
  return { kind: 'counted', at, reason, network, count: countOf(record.count) }
}

function changedOf(record: AuditRecord, at: number): Changed | undefined {
  const operator = textOf(record.operator)
  const action = textOf(record.action)
  if (operator === undefined || action === undefined || record.result !== 'done') return undefined
  return { kind: 'change', at, operator, action, requestId: textOf(record.requestId) }
}

function revokedAtOf(details: unknown): number | undefined {
  if (typeof details !== 'object' || details === null || !('revokedAt' in details)) return undefined
  return countOf(details.revokedAt) || undefined
}

const TEXT_LIMIT = 256
const MARK_LIMIT = 16

/** Records hold no longer ones where it matters; what is longer is somebody else's. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, TEXT_LIMIT) : undefined
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : 0
}

function marksOf(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return NONE
  return value.slice(0, MARK_LIMIT).flatMap((mark) => textOf(mark) ?? [])
}

const NONE: readonly string[] = []

/** `Stripe/v1 NodeBindings/17.0.0` and `.../18.1.2` are the same program. */
const productOf = remembered((text) => text.replace(/[\d.]+[\w.+-]*/g, '').replace(/\s+/g, ' '))

const knownNetworkOf = remembered(networkOf)

/** Few differ; those that are made up do not fill the memory. */
function remembered(make: (text: string) => string): (text: string | undefined) => string {
  const known = new Map<string, string>()
  return (text = '') => {
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= 1000) known.clear()
    const made = make(text)
    known.set(text, made)
    return made
  }
}
