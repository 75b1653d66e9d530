/** The audit's index in memory: worked out anew from the records at each question. */

import type {
  Activity,
  ActivityQuery,
  AuditIndex,
  CountKey,
  CountQuery,
  IndexStatus,
  RequestCount,
  UsageSums,
} from '../../src/audit/audit-index.ts'
import type { AuditRecord } from '../../src/audit/audit-reader.ts'
import type { MemoryAudit } from './audit.ts'

/** What the journal's lines of a request say, as far as the index counts it. */
interface Line {
  readonly kind: string
  readonly requestId: string
  readonly at: string
  readonly agent: string
  readonly tokenId: string
  readonly service: string | null
  readonly scopes: readonly string[] | null
  readonly method: string | null
  readonly rule: string | null
  readonly decision: 'allow' | 'deny'
  readonly reason?: string
  readonly credential?: { readonly name: string; readonly version: string } | null
  readonly source: string
}

interface End {
  readonly status: number | null
  readonly requestBytes: number
  readonly responseBytes: number
  readonly usage?: {
    readonly inputTokens?: number
    readonly outputTokens?: number
    readonly amount?: number
    readonly currency?: string
  } | null
}

export function createMemoryAuditIndex({ reader, records }: MemoryAudit): AuditIndex {
  return {
    query: (query) => reader.query(query),
    activity: async (query) => activityOf(records(), query),
    counts: async (query) => countsOf(records(), query),
    status: async () => statusOf(records()),
    rebuild: async () => undefined,
  }
}

function statusOf(records: readonly AuditRecord[]): IndexStatus {
  const [oldest] = records.map(({ time }) => Date.parse(String(time))).sort()
  return {
    ...{ records: records.length, newestAt: undefined, behindBytes: 0, isRebuilding: false },
    ...(oldest !== undefined && { oldestAt: oldest }),
  }
}

export function activityOf(records: readonly AuditRecord[], query: ActivityQuery): Activity[] {
  const ends = new Map(
    records.flatMap((record) =>
      record.kind === 'outcome' ? [[record.requestId, record as unknown as End] as const] : [],
    ),
  )
  const lines = records
    .filter(({ kind }) => kind === 'intent' || kind === 'refusal')
    .map((record) => record as unknown as Line)
    .filter((line) => isAsked(line, query))
  const groups = Map.groupBy(lines, (line) =>
    JSON.stringify([
      ...[line.agent, line.tokenId, line.service, line.method, line.rule, line.decision],
      ...[line.reason, line.credential, line.scopes],
    ]),
  )
  return [...groups.values()].map((group) =>
    groupOf(
      group,
      group.map(({ requestId }) => ends.get(requestId)),
    ),
  )
}

function countsOf(records: readonly AuditRecord[], query: CountQuery): RequestCount[] {
  const { by, agent, tokenId, service, scope, decision, reason, ...span } = query
  const asked = activityOf(records, span).filter((each) =>
    [
      agent === undefined || each.agent === agent,
      tokenId === undefined || each.tokenId === tokenId,
      service === undefined || each.service === service,
      scope === undefined || each.scopes.includes(scope),
      decision === undefined || each.decision === decision,
      reason === undefined || each.reason === reason,
    ].every(Boolean),
  )
  const groups = Map.groupBy(asked, (each) => JSON.stringify(by.map((key) => valueOf(each, key))))
  return [...groups].map(([key, group]) => ({
    key: JSON.parse(key) as RequestCount['key'],
    count: group.reduce((sum, { count }) => sum + count, 0),
    failed: group.reduce((sum, { failed }) => sum + failed, 0),
    firstAt: Math.min(...group.map(({ firstAt }) => firstAt)),
    lastAt: Math.max(...group.map(({ lastAt }) => lastAt)),
  }))
}

function valueOf(activity: Activity, key: CountKey): string | null {
  const { credential, rule, scopes, firstAt } = activity
  if (key === 'operation') return rule ?? null
  if (key === 'scopes') return scopes.join(',')
  if (key === 'day') return new Date(firstAt).toISOString().slice(0, 10)
  if (key === 'credential') return credential ? `${credential.name}@${credential.version}` : null
  return activity[key] ?? null
}

function isAsked(
  line: Line,
  { since, until, agents, tokenIds, credential }: ActivityQuery,
): boolean {
  const at = Date.parse(line.at)
  return [
    since === undefined || at >= since,
    until === undefined || at < until,
    agents === undefined || agents.includes(line.agent),
    tokenIds === undefined || tokenIds.includes(line.tokenId),
    credential === undefined || line.credential?.name === credential,
  ].every(Boolean)
}

function groupOf(group: readonly Line[], ends: readonly (End | undefined)[]): Activity {
  const sum = (valueOf: (end: End) => number) =>
    ends.reduce((total, end) => total + (end ? valueOf(end) : 0), 0)
  const moments = group.map(({ at }) => Date.parse(at))
  return {
    ...sharedOf(group[0]!),
    count: group.length,
    failed: ends.filter((end) => (end?.status ?? 0) >= 400).length,
    firstAt: Math.min(...moments),
    lastAt: Math.max(...moments),
    lastSource: group.at(-1)?.source ?? '',
    requestBytes: sum((end) => end.requestBytes),
    responseBytes: sum((end) => end.responseBytes),
    usage: usageOf(ends),
  }
}

function sharedOf(line: Line) {
  const { agent, tokenId, decision, reason } = line
  return {
    ...{ agent, tokenId, decision, reason },
    service: line.service ?? undefined,
    scopes: [...(line.scopes ?? [])].sort(),
    method: line.method ?? undefined,
    rule: line.rule ?? undefined,
    credential: line.credential ?? undefined,
  }
}

function usageOf(ends: readonly (End | undefined)[]): UsageSums {
  const told = ends.flatMap((end) => end?.usage ?? [])
  const total = (name: 'inputTokens' | 'outputTokens') =>
    told.reduce((sum, usage) => sum + (usage[name] ?? 0), 0)
  const amounts = new Map<string, number>()
  for (const { amount, currency } of told)
    if (amount !== undefined && currency !== undefined)
      amounts.set(currency, (amounts.get(currency) ?? 0) + amount)
  return {
    inputTokens: total('inputTokens'),
    outputTokens: total('outputTokens'),
    amounts: Object.fromEntries(amounts),
  }
}
