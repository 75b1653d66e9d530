/** What a filter asks for, worked out record by record: the index must come to the same. */

import type { AuditFilter, AuditRecord } from '../../src/audit/audit-reader.ts'
import { cidrContains, parseAddress, parseCidr } from '../../src/policy/cidr.ts'

type Test = (record: AuditRecord, records: readonly AuditRecord[]) => boolean

/** Those that are part of the answer, in their order, each intent with its outcome. */
export function recordsAskedFor(
  records: readonly AuditRecord[],
  filter: AuditFilter,
): readonly AuditRecord[] {
  const outcomes = new Map(
    records.flatMap((record) => (record.kind === 'outcome' ? [[record.requestId, record]] : [])),
  )
  const tests = testsOf(filter)
  return records
    .filter(({ kind }) => kind !== 'outcome' && kind !== 'segment')
    .map((record) =>
      record.kind === 'intent'
        ? { ...record, outcome: outcomes.get(record.requestId) ?? null }
        : record,
    )
    .filter((record) => tests.every((test) => test(record, records)))
}

function testsOf(filter: AuditFilter): readonly Test[] {
  const { scope, status, path, source, action, text, since, until } = filter
  const plain = (['operator', 'sessionId', 'requestId', 'service', 'decision', 'reason'] as const)
    .filter((name) => filter[name] !== undefined)
    .map(
      (name): Test =>
        (record) =>
          record[name] === filter[name],
    )
  return [
    ...plain,
    ...identityTests(filter),
    ...when(scope, (record, name) => listOf(record.scopes).includes(name)),
    ...when(status, (record, wanted) => isStatus(outcomeOf(record).status, wanted)),
    ...when(path, (record, start) => textOf(record.path).startsWith(start)),
    ...when(source, isFrom),
    ...when(action, (record, name) =>
      name.endsWith('.') ? textOf(record.action).startsWith(name) : record.action === name,
    ),
    ...when(text, (record, part) =>
      JSON.stringify(record)
        .toLowerCase()
        .includes(JSON.stringify(part).slice(1, -1).toLowerCase()),
    ),
    ...when(since, (record, from) => Date.parse(textOf(record.time)) >= from),
    ...when(until, (record, to) => Date.parse(textOf(record.time)) < to),
  ]
}

function when<T>(
  wanted: T | undefined,
  test: (record: AuditRecord, wanted: T, all: readonly AuditRecord[]) => boolean,
): Test[] {
  return wanted === undefined ? [] : [(record, all) => test(record, wanted, all)]
}

function identityTests({ agent, tokenId, withDescendants = false }: AuditFilter): Test[] {
  const isBelow = (record: AuditRecord, tokens: readonly unknown[]) =>
    withDescendants && listOf(record.chain).some((token) => tokens.includes(token))
  return [
    ...when(tokenId, (record, wanted) => record.tokenId === wanted || isBelow(record, [wanted])),
    ...when(
      agent,
      (record, wanted, all) => record.agent === wanted || isBelow(record, tokensOf(wanted, all)),
    ),
  ]
}

/** Those that it used, and those that were issued to it. */
function tokensOf(agent: string, records: readonly AuditRecord[]): readonly unknown[] {
  return records.flatMap((record) => {
    if (record.agent === agent) return [record.tokenId]
    const isIssued = record.action === 'token.issue' && record.result === 'done'
    return isIssued && detailsOf(record).agent === agent ? [record.target] : []
  })
}

function isStatus(status: unknown, wanted: string): boolean {
  return wanted.endsWith('xx')
    ? typeof status === 'number' && String(status).startsWith(wanted.charAt(0))
    : String(status) === wanted
}

function isFrom(record: AuditRecord, wanted: string): boolean {
  const { sample } = record
  const source = textOf(record.source ?? (sample as AuditRecord | undefined)?.source)
  const [network, address] = [parseCidr(wanted), parseAddress(source)]
  return source === wanted || Boolean(network && address && cidrContains(network, address))
}

const outcomeOf = ({ outcome }: AuditRecord): AuditRecord => (outcome ?? {}) as AuditRecord // an object, or null while the request runs

const detailsOf = ({ details }: AuditRecord): AuditRecord => (details ?? {}) as AuditRecord // of our own builders

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
