/** Audit events to be overridden by name, and an audit log in memory that keeps the contract. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import type {
  AuditLog,
  ChangeEvent,
  IntentEvent,
  OutcomeEvent,
  RefusalEvent,
  UnrecognisedEvent,
} from '../../src/audit/audit-log.ts'
import type { AuditReader, AuditRecord } from '../../src/audit/audit-reader.ts'
import { createCounter } from '../../src/audit/counter.ts'
import { createLineFormat, numbered } from '../../src/audit/record.ts'
import type { Now } from '../../src/base/clock.ts'
import { Failure } from '../../src/base/errors.ts'
import { recordsAskedFor } from './audit-filter.ts'
import { aGrant, anAccess, NOW } from './grants.ts'

export const AUDIT_KEY: KeyObject = createSecretKey(Buffer.alloc(32, 7))

export const aRequestId = (number: number): string => `req_${String(number).padStart(32, '0')}`

export function anIntent(overrides: Partial<IntentEvent> = {}): IntentEvent {
  return {
    grant: aGrant(),
    access: anAccess(),
    parameters: {},
    catalogDigest: 'c0ffee'.padEnd(64, '0'),
    credential: { name: 'stripe', version: '3' },
    ...overrides,
  }
}

/** The intent of a request of that number. */
export function intentOf(number: number): IntentEvent {
  return anIntent({ access: anAccess({ requestId: aRequestId(number) }) })
}

export function anOutcome(overrides: Partial<OutcomeEvent> = {}): OutcomeEvent {
  return {
    requestId: anAccess().requestId,
    result: 'answered',
    status: 200,
    requestBytes: 120,
    responseBytes: 4096,
    durationsMs: { admitted: 1.5, firstByte: 80.25, total: 81 },
    ...overrides,
  }
}

export function aRefusal(overrides: Partial<RefusalEvent> = {}): RefusalEvent {
  return {
    requestId: anAccess().requestId,
    at: NOW,
    grant: aGrant(),
    refusal: { reason: 'scope_missing', missing: ['stripe:refund'], risk: 'money' },
    source: '127.0.0.1',
    access: anAccess({ path: '/v1/refunds', scopes: ['stripe:refund'] }),
    parameters: {},
    marks: [],
    ...overrides,
  }
}

export function aChange(overrides: Partial<ChangeEvent> = {}): ChangeEvent {
  return {
    at: NOW,
    requestId: anAccess().requestId,
    operator: 'alice',
    action: 'token.issue',
    target: 'tok_00000000000000000001',
    result: 'done',
    details: { scopes: ['stripe:read'] },
    source: '127.0.0.1',
    ...overrides,
  }
}

export function anUnrecognised(overrides: Partial<UnrecognisedEvent> = {}): UnrecognisedEvent {
  return {
    requestId: anAccess().requestId,
    at: NOW,
    reason: 'token_unknown',
    source: '203.0.113.7',
    service: 'stripe',
    digestPrefix: '0badc0de',
    ...overrides,
  }
}

export interface MemoryAudit {
  readonly log: AuditLog
  /** Answers every query; newest first its pages are not stable. */
  readonly reader: AuditReader
  /** Everything written so far; counts are drained first. */
  readonly records: () => readonly AuditRecord[]
  /** From now on nothing can be written, as on a full disk. */
  readonly fail: () => void
  readonly recover: () => void
}

/** The audit in memory: the same lines, no disk. */
export function createMemoryAuditLog(now: Now = () => NOW): MemoryAudit {
  const format = createLineFormat({
    ...{ writer: 'memory', environment: 'test', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const lines: string[] = []
  let kept: string[] = []
  let problem: string | undefined
  const counter = createCounter()

  const write = async (line: string) => {
    if (problem !== undefined) throw new Failure('audit_unavailable', problem)
    lines.push(numbered(lines.length + 1, line))
  }
  const writeLater = (line: string) => {
    if (problem === undefined) lines.push(numbered(lines.length + 1, line))
    else kept.push(line)
  }
  const drain = () => {
    for (const count of counter.drain()) writeLater(format.counted(count, now()))
  }
  const records = () => {
    drain()
    return lines.map((line) => JSON.parse(line) as AuditRecord)
  }

  return {
    records,
    fail: () => (problem = 'the disk is full'),
    recover: () => {
      problem = undefined
      const waiting = kept
      kept = []
      waiting.forEach(writeLater)
    },
    reader: {
      async query({ cursor, limit, order, ...filter }) {
        const found = recordsAskedFor(records(), filter)
        const ordered = order === 'newest' ? found.toReversed() : found
        const start = Number(cursor ?? 0)
        const items = ordered.slice(start, start + limit)
        const endCursor = String(start + items.length)
        const isMore = start + items.length < ordered.length
        return { items, endCursor, ...(isMore && { nextCursor: endCursor }) }
      },
    },
    log: {
      intent: (event) => write(format.intent(event, now())),
      refusal: (event) => write(format.refusal(event, now())),
      change: (event) => write(format.change(event, now())),
      outcome: (event) => {
        writeLater(format.outcome(event, now()))
      },
      count: (event) => {
        counter.add(event)
      },
      status: () => ({
        writable: problem === undefined,
        ...(problem !== undefined && { problem }),
        records: lines.length,
        bytes: lines.join('').length,
      }),
      async close() {
        drain()
        problem = 'the audit is closed'
      },
    },
  }
}
