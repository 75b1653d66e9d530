/** Which records a query asks for. The journal's reader and the tests' fake share it. */

import type { AuditQuery, AuditRecord } from './audit-reader.ts'
import { name } from './fields.ts'

/** Whether the record is part of the answer; outcomes are not, they come with their intent. */
export function isAskedFor(record: AuditRecord, query: AuditQuery): boolean {
  if (record.kind === 'outcome' || record.kind === 'segment') return false
  if (query.agent !== undefined && record.agent !== query.agent) return false
  if (query.service !== undefined && record.service !== query.service) return false
  if (query.decision !== undefined && record.decision !== query.decision) return false
  return isWithin(String(record.time), query)
}

/** Whether an instant, as records write it, lies in the query's time. */
export function isWithin(time: string, { since, until }: AuditQuery): boolean {
  const at = Date.parse(time)
  return (since === undefined || at >= since) && (until === undefined || at < until)
}

/** Text that each line which is asked for contains: most others need not be parsed. */
export function needlesOf({ agent, service, decision }: AuditQuery): readonly string[] {
  return [
    ...(agent === undefined ? [] : [`,"agent":${name(agent)},`]),
    ...(service === undefined ? [] : [`,"service":${name(service)},`]),
    ...(decision === undefined ? [] : [`,"decision":"${decision}",`]),
  ]
}
