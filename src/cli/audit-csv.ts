/**
 * Records as CSV (RFC 4180). What a spreadsheet would take for a formula gets a `'` in front
 * (CWE-1236): agents, paths and user agents are chosen by others.
 */

import type { AuditRecord } from '../../sdk/src/client.ts'
import { listOf, objectOf, textOf, visible } from './audit-record.ts'

/** Every column, and where it comes from. New ones go to the end. */
const COLUMNS: Readonly<Record<string, (record: AuditRecord) => unknown>> = {
  time: ({ time }) => time,
  kind: ({ kind }) => kind,
  request: ({ requestId }) => requestId,
  agent: ({ agent }) => agent,
  operator: ({ operator }) => operator,
  token: ({ tokenId }) => tokenId,
  session: ({ sessionId }) => sessionId,
  chain: ({ chain }) => listOf(chain).join(' '),
  service: ({ service }) => service,
  scopes: ({ scopes }) => listOf(scopes).join(' '),
  method: ({ method }) => method,
  path: ({ path }) => path,
  rule: ({ rule }) => rule,
  decision: ({ decision }) => decision,
  reason: ({ reason }) => reason,
  status: (record) => endOf(record).status,
  result: (record) => record.result ?? endOf(record).result,
  cause: (record) => record.cause ?? endOf(record).cause,
  request_bytes: (record) => endOf(record).requestBytes,
  response_bytes: (record) => endOf(record).responseBytes,
  duration_ms: (record) => objectOf(endOf(record).durationsMs).total,
  model: (record) => usageOf(record).model,
  input_tokens: (record) => usageOf(record).inputTokens,
  output_tokens: (record) => usageOf(record).outputTokens,
  amount: (record) => usageOf(record).amount,
  currency: (record) => usageOf(record).currency,
  source: ({ source, network }) => source ?? network,
  user_agent: ({ userAgent }) => userAgent,
  credential: ({ credential }) => objectOf(credential).name,
  credential_version: ({ credential }) => objectOf(credential).version,
  action: ({ action }) => action,
  target: ({ target }) => target,
  details: ({ details }) => (details === undefined ? '' : JSON.stringify(details)),
  marks: ({ marks }) => listOf(marks).join(' '),
  count: ({ count }) => count,
  writer: ({ writer }) => writer,
  seq: ({ seq }) => seq,
}

export const CSV_HEADER = Object.keys(COLUMNS).join(',')

/** One line, without its end. */
export function formatCsv(record: AuditRecord): string {
  return csvLine(Object.values(COLUMNS).map((valueOf) => valueOf(record)))
}

export function csvLine(values: readonly unknown[]): string {
  return values.map(formatCell).join(',')
}

/** Numbers are ours and stay numbers; text is anybody's. */
function formatCell(value: unknown): string {
  const text = textOf(value)
  const safe = (typeof value === 'string' && isFormula(text) ? "'" : '') + visible(text)
  return /[",]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/**
 * Also in full-width letters, and behind white space, quotes and what separates cells elsewhere, which
 * some programs take for the same.
 */
function isFormula(text: string): boolean {
  return /^[\s\p{Cc}\p{Cf};,|"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(text)
}

const endOf = ({ outcome }: AuditRecord): AuditRecord => objectOf(outcome)
const usageOf = (record: AuditRecord): AuditRecord => objectOf(endOf(record).usage)
