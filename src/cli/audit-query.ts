/** `audit query`: records as a table, or in a form for other programs; or how many there are. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditFilter, AuditRecord } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { countRequests } from './audit-count.ts'
import { formatCursor, parseCursor } from './audit-cursor.ts'
import {
  addFilterOptions,
  addSpanOptions,
  filterOf,
  filterOptions,
  numberOption,
  spanOf,
  spanOptions,
} from './audit-filter.ts'
import { isLineForm, LINE_FORMS, type LineForm } from './audit-formats.ts'
import { noteUnknownNames } from './audit-names.ts'
import { noteLag, noteRetired, readPages } from './audit-pages.ts'
import { visibleJson } from './audit-record.ts'
import { recordTable } from './audit-table.ts'
import type { Call, Runner } from './command.ts'
import { connect, type Connection } from './connection.ts'
import type { Paper } from './report-paper.ts'
import type { Session } from './session.ts'

const DEFAULT_LIMIT = 10_000

const options = z.object({
  ...filterOptions,
  ...spanOptions,
  newest: z.boolean().optional(),
  limit: numberOption.default(DEFAULT_LIMIT),
  cursor: z.string().optional(),
  countBy: z.string().optional(),
  format: z.enum(['table', 'json', 'jsonl', 'csv', 'ocsf']).optional(),
})
type Options = z.output<typeof options>

export function registerAuditQuery(audit: Command, runs: Runner): void {
  const query = audit
    .command('query')
    .description('show audit records, oldest first; reading is recorded as well')
  addSpanOptions(addFilterOptions(query))
    .option('--newest', 'newest first')
    .option('--limit <count>', `at most so many (default: ${DEFAULT_LIMIT})`)
    .option('--cursor <cursor>', 'go on where the same question ended (nextCursor)')
    .option(
      '--count-by <list>',
      'count requests instead: some of agent,token,service,operation,scopes,decision,reason,credential,day',
    )
    .addOption(
      query
        .createOption('--format <format>', 'what to write (default: table)')
        .choices(['table', 'json', 'jsonl', 'csv', 'ocsf']),
    )
  runs(query, options, queryAudit)
}

async function queryAudit(call: Call<Options>): Promise<void> {
  const { session, options: asked } = call
  const { limit, format = session.shared.json ? 'json' : 'table' } = asked
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new Failure('usage_invalid', '--limit must be a whole number above zero')
  if (asked.countBy !== undefined) {
    await countRequests(session, { ...asked, countBy: asked.countBy, format })
    return
  }
  const connection = await connect(session)
  await noteUnknownNames(session, connection.client, filterOf(asked))
  if (isLineForm(format)) await printLines(call, connection, LINE_FORMS[format])
  else await printAll(call, connection, format)
}

interface Question {
  readonly filter: AuditFilter
  /** The cursor as `--cursor` takes it. */
  readonly goOn: (cursor: string | undefined) => string | undefined
}

function questionOf(options: Options): Question {
  const { cursor, askedAt } = parseCursor(options.cursor, Date.now())
  const span = spanOf(options, askedAt)
  const order = options.newest ? { order: 'newest' as const } : {}
  return {
    filter: { ...filterOf(options), ...span, ...order, ...(cursor !== undefined && { cursor }) },
    goOn: (next) => (next === undefined ? next : formatCursor(next, askedAt, options)),
  }
}

/** Page by page: it may be much. */
async function printLines(
  { session, options: asked }: Call<Options>,
  { client }: Connection,
  form: LineForm,
): Promise<void> {
  const { terminal } = session
  if (form.header !== undefined) terminal.print(form.header)
  const { filter, goOn } = questionOf(asked)
  let next: string | undefined
  for await (const page of readPages(client, filter, asked.limit)) {
    if (page.items.length > 0) terminal.print(page.items.map(form.format).join('\n'))
    noteLag(session, page.index)
    next = goOn(page.nextCursor)
    if (next === undefined) noteRetired(session, page.index, filter.since)
  }
  noteMore(session, next)
}

async function printAll(
  { session, options: asked }: Call<Options>,
  { client }: Connection,
  format: 'table' | 'json',
): Promise<void> {
  const items: AuditRecord[] = []
  const { filter, goOn } = questionOf(asked)
  let nextCursor: string | undefined
  for await (const page of readPages(client, filter, asked.limit)) {
    items.push(...page.items)
    nextCursor = goOn(page.nextCursor)
    if (nextCursor !== undefined) continue
    noteLag(session, page.index)
    noteRetired(session, page.index, filter.since)
  }
  const { terminal } = session
  noteMore(session, nextCursor)
  const all = { items, ...(nextCursor !== undefined && { nextCursor }) }
  terminal.print(format === 'json' ? visibleJson(all, 2) : tableOf(terminal, items))
}

function noteMore({ terminal }: Session, cursor: string | undefined): void {
  if (cursor !== undefined)
    terminal.note(
      `there are more: raise --limit, narrow it with --since, or go on with the same question and --cursor ${cursor}`,
    )
}

function tableOf(paper: Paper, items: readonly AuditRecord[]): string {
  return items.length === 0 ? 'no records' : recordTable(paper, items)
}
