/** A record out of JSON, read with care: fields may be missing, and values are anybody's. */

import type { AuditRecord } from '../../sdk/src/client.ts'

export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

export function objectOf(value: unknown): AuditRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

export function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf).filter(Boolean) : []
}

export function timeOf({ time }: AuditRecord): number {
  return Date.parse(textOf(time))
}

export function operationOf(record: AuditRecord): string {
  const { kind, method, service, path, action, target } = record
  switch (kind) {
    case 'change':
      return `${textOf(action)} ${textOf(target)}`
    case 'counted':
      return countedWords(record)
    case 'recovery':
      return `recovery: ${record.cause === 'unwritable' ? 'could not be written' : textOf(record.cause)}`
    default:
      return [service, method, path].map(textOf).filter(Boolean).join(' ')
  }
}

/** Refusals that were too many to be recorded one by one. */
function countedWords({ count, network }: AuditRecord): string {
  const requests = count === 1 ? '1 request' : `${textOf(count)} requests`
  return `counted: ${requests} from ${textOf(network) || 'unknown'}`
}

/** `200`, `open`, `scope_missing`, `done`: how it ended, in a word. */
export function resultOf({ kind, reason, result, outcome }: AuditRecord): string {
  if (kind === 'recovery') return ''
  if (reason !== undefined) return textOf(reason)
  if (result !== undefined) return textOf(result)
  if (kind === 'intent' && outcome === null) return 'open'
  const end = objectOf(outcome)
  return textOf(end.status) || textOf(end.cause) || textOf(end.result)
}

/** Text in which nothing is invisible or steers a terminal: such characters as `\\uXXXX`. */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escaped)
}

/** The same for JSON, which stays the same JSON. */
export function visibleJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[\u007F-\u009F\p{Cf}\p{Zl}\p{Zp}]/gu,
    escaped,
  )
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
