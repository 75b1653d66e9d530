/** From a journal line to what the index keeps of it. Fields that are not as expected are left out. */

import type { AuditRecord } from '../../audit/audit-reader.ts'

/** What requests that are alike have in common; `scopes` sorted, with commas. */
export interface Operation {
  readonly service: string | null
  readonly scopes: string
  readonly method: string | null
  readonly rule: string | null
  readonly decision: string | null
  readonly reason: string | null
  readonly credential: { readonly name: string; readonly version: string } | undefined
}

/** What an outcome adds to the row of its intent. */
export interface Ending {
  readonly status: number | null
  readonly requestBytes: number
  readonly responseBytes: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly amount: number | null
  readonly currency: string | null
}

/** Undefined for what is no JSON object. */
export function parseRecord(bytes: Buffer): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Undefined for records that are about no operation. */
export function operationOf(record: AuditRecord): Operation | undefined {
  const decision = textOf(record.decision)
  if (decision === null) return undefined
  const { credential } = record
  return {
    service: textOf(record.service),
    scopes: textsOf(record.scopes).sort().join(','),
    method: textOf(record.method),
    rule: textOf(record.rule),
    decision,
    reason: textOf(record.reason),
    credential: isRecord(credential)
      ? { name: textOf(credential.name) ?? '', version: textOf(credential.version) ?? '' }
      : undefined,
  }
}

export function endingOf(outcome: AuditRecord): Ending {
  const usage = isRecord(outcome.usage) ? outcome.usage : {}
  const [amount, currency] = [numberOf(usage.amount), textOf(usage.currency)]
  const isMoney = amount !== null && currency !== null
  return {
    status: numberOf(outcome.status),
    requestBytes: numberOf(outcome.requestBytes) ?? 0,
    responseBytes: numberOf(outcome.responseBytes) ?? 0,
    inputTokens: numberOf(usage.inputTokens) ?? 0,
    outputTokens: numberOf(usage.outputTokens) ?? 0,
    amount: isMoney ? amount : null,
    currency: isMoney ? currency : null,
  }
}

/** What is older was let go by this change, or some of it; undefined for any other record. */
export function retiredBefore({ action, details }: AuditRecord): number | undefined {
  if (action !== 'audit.retire' || !isRecord(details)) return undefined
  const newest = Date.parse(textOf(details.to) ?? '')
  return Number.isNaN(newest) ? undefined : newest + 1
}

/** Up to which record of a writer they were let go by this change; undefined for any other record. */
export function retirementIn({
  action,
  target,
  details,
}: AuditRecord): { readonly writer: string; readonly through: number } | undefined {
  if (action !== 'audit.retire' || !isRecord(details)) return undefined
  const [writer, through] = [textOf(target), numberOf(details.last)]
  return writer === null || through === null ? undefined : { writer, through }
}

/** The agent that a change is about. */
export function agentOf(details: unknown): string | null {
  return isRecord(details) ? textOf(details.agent) : null
}

/** The address that it came from; of refusals that were counted, that of their sample. */
export function sourceOf({ source, sample }: AuditRecord): string | null {
  return textOf(source) ?? (isRecord(sample) ? textOf(sample.source) : null)
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** Whole numbers of the size that SQLite and JavaScript agree on. */
function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(Math.round(value))
    ? Math.round(value)
    : null
}

function isRecord(value: unknown): value is AuditRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Ids are random at their end; the little that this may confuse is told apart by the line itself. */
export function requestNumber(requestId: string): number {
  const number = Number.parseInt(requestId.slice(-12), 16)
  return Number.isNaN(number) ? 0 : number
}
