/** `audit query --count-by`: how many requests there were, in one question. */

import type { AuditCounts, CountKey, RequestFilter } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { csvLine } from './audit-csv.ts'
import { filterOf, spanOf, type FilterWords, type SpanWords } from './audit-filter.ts'
import { noteUnknownNames } from './audit-names.ts'
import { noteLag, noteRetired } from './audit-pages.ts'
import { connect } from './connection.ts'
import { formatLocal } from './moments.ts'
import { columns, type Column, type Paper } from './report-paper.ts'
import type { Session } from './session.ts'

/** In the words of the options. */
const KEYS: Readonly<Record<string, CountKey>> = {
  ...{ agent: 'agent', token: 'tokenId', service: 'service', operation: 'operation' },
  ...{ scopes: 'scopes', decision: 'decision', reason: 'reason', credential: 'credential' },
  day: 'day',
}

/** What the sums that the index keeps can be narrowed by. */
const COUNTABLE = new Set(['agent', 'tokenId', 'service', 'scope', 'decision', 'reason'])

/** Groups that the server gives at most. */
const MOST = 10_000

/** Moments need their room: a narrower terminal has it for what was counted. */
const ROOM_FOR_MOMENTS = 100

export interface CountOptions extends FilterWords, SpanWords {
  readonly countBy: string
  readonly format: string
  readonly newest?: boolean | undefined
  readonly cursor?: string | undefined
}

export async function countRequests(session: Session, asked: CountOptions): Promise<void> {
  const names = asked.countBy.split(',').map((name) => name.trim())
  const by = names.map(keyOf)
  const filter = requestFilterOf(asked)
  const { client } = await connect(session)
  await noteUnknownNames(session, client, filter)
  const span = spanOf(asked, Date.now())
  const counts = await client.audit.counts(by, { ...filter, ...span })
  noteLag(session, counts.index)
  noteRetired(session, counts.index, span.since)
  if (counts.items.length >= MOST)
    session.terminal.note(`only the ${MOST} most frequent: narrow it, or count by less`)
  session.terminal.print(formatCounts(session.terminal, { names, counts, format: asked.format }))
}

function keyOf(name: string): CountKey {
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined
  if (key) return key
  throw new Failure('usage_invalid', `--count-by takes some of ${Object.keys(KEYS).join(', ')}`)
}

function requestFilterOf(asked: CountOptions): RequestFilter {
  const filter = filterOf(asked)
  const other = Object.keys(filter).find((name) => !COUNTABLE.has(name))
  if (other === undefined && !asked.newest && asked.cursor === undefined) return filter
  throw new Failure(
    'usage_invalid',
    '--count-by goes with --agent, --token, --service, --scope, --decision, --reason and a time only',
  )
}

interface Counted {
  readonly names: readonly string[]
  readonly counts: AuditCounts
  readonly format: string
}

function formatCounts(paper: Paper, { names, counts: { items }, format }: Counted): string {
  switch (format) {
    case 'json':
      return JSON.stringify({ items: items.map((item) => objectOf(names, item)) }, undefined, 2)
    case 'jsonl':
      return items.map((item) => JSON.stringify(objectOf(names, item))).join('\n')
    case 'csv':
      return [
        [...names, 'requests', 'failed', 'first', 'last'].join(','),
        ...items.map(({ key, count, failed, firstAt, lastAt }) =>
          csvLine([...key, count, failed, isoOf(firstAt), isoOf(lastAt)]),
        ),
      ].join('\n')
    case 'table':
      return items.length === 0 ? 'no requests' : tableOf(paper, names, items)
    default:
      throw new Failure('usage_invalid', '--count-by goes with the formats table, json, jsonl, csv')
  }
}

type Item = AuditCounts['items'][number]

function objectOf(names: readonly string[], { key, count, failed, firstAt, lastAt }: Item) {
  const keys = Object.fromEntries(names.map((name, index) => [name, key[index] ?? null]))
  return { ...keys, requests: count, failed, firstAt, lastAt }
}

function tableOf(paper: Paper, names: readonly string[], items: readonly Item[]): string {
  const widest = names.includes('operation') ? 'operation' : names.at(-1)
  const hasMoments = paper.columns >= ROOM_FOR_MOMENTS
  const header: Column[] = [
    ...names.map((name) => ({ name, ...(name === widest && { yields: true }) })),
    ...['requests', 'failed'].map((name) => ({ name, align: 'right' as const })),
    ...(hasMoments ? [{ name: 'first' }, { name: 'last' }] : []),
  ]
  const rows = items.map(({ key, count, failed, firstAt, lastAt }) => [
    ...key.map((text) => text ?? '-'),
    ...[String(count), failed === 0 ? '' : String(failed)],
    ...(hasMoments ? [formatLocal(firstAt), formatLocal(lastAt)] : []),
  ])
  return columns(paper, header, rows)
}

const isoOf = (at: number): string => new Date(at).toISOString()
