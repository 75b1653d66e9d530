/** `audit export`: all records of a time into a file that is there when it is whole. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditFilter, AuditPage, Client } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import {
  addFilterOptions,
  addSpanOptions,
  filterOf,
  filterOptions,
  spanOf,
  spanOptions,
} from './audit-filter.ts'
import { LINE_FORM_NAMES, LINE_FORMS } from './audit-formats.ts'
import { noteUnknownNames } from './audit-names.ts'
import { noteLag, noteRetired, readPages } from './audit-pages.ts'
import { timeOf } from './audit-record.ts'
import type { Call, Runner } from './command.ts'
import { connect } from './connection.ts'
import { formatMoment } from './moments.ts'
import { createOutputFile, type OutputFile } from './output-file.ts'
import { progressBar } from './progress.ts'
import { answer, type Session } from './session.ts'

const options = z.object({
  ...filterOptions,
  ...spanOptions,
  format: z.enum(LINE_FORM_NAMES).default('jsonl'),
  output: z.string(),
})
type Options = z.output<typeof options>

export function registerAuditExport(audit: Command, runs: Runner): void {
  const command = audit
    .command('export')
    .description('write all audit records of a time to a file; this is recorded as well')
    .requiredOption('-o, --output <file>', 'the file (mode 0600), which must not be there yet')
  addSpanOptions(addFilterOptions(command)).addOption(
    command
      .createOption('--format <format>', 'what to write (default: jsonl)')
      .choices([...LINE_FORM_NAMES]),
  )
  runs(command, options, exportAudit)
}

async function exportAudit({ session, options: asked }: Call<Options>): Promise<void> {
  const span = spanOf(asked, Date.now())
  if (span.since === undefined)
    throw new Failure('usage_invalid', 'say which time: --month 2026-03, or --since and --until')
  const until = Math.min(span.until ?? Number.MAX_SAFE_INTEGER, Date.now())
  if (span.since >= until) throw new Failure('usage_invalid', 'that time has not begun')
  const { client } = await connect(session)
  const file = createOutputFile(session.terminal.workingDirectory, asked.output)
  try {
    const filter: AuditFilter = { ...filterOf(asked), since: span.since, until, purpose: 'export' }
    await noteUnknownNames(session, client, filter)
    const records = await writeRecords(session, { client, file, format: asked.format, filter })
    const { bytes, sha256 } = file.finish()
    session.terminal.progress('')
    const what = { file: asked.output, records, bytes, sha256, since: span.since, until }
    const time = `${formatMoment(span.since)} to ${formatMoment(until)}`
    answer(session, what, `${records} records of ${time}\nSHA-256 ${sha256}  ${asked.output}`)
  } catch (error) {
    session.terminal.progress('')
    file.discard()
    throw error
  }
}

interface Writing {
  readonly client: Client
  readonly file: OutputFile
  readonly format: Options['format']
  readonly filter: AuditFilter
}

async function writeRecords(session: Session, writing: Writing): Promise<number> {
  const { client, file, filter } = writing
  const form = LINE_FORMS[writing.format]
  if ('header' in form) file.write(`${form.header}\n`)
  let records = 0
  for await (const page of readPages(client, filter)) {
    for (const record of page.items) file.write(`${form.format(record)}\n`)
    records += page.items.length
    session.terminal.progress(progressBar(shareOf(page, filter), `${records} records`))
    if (page.nextCursor !== undefined) continue
    assertWhole(page, filter)
    noteLag(session, page.index)
    noteRetired(session, page.index, filter.since)
  }
  return records
}

/** How much of the time is done. */
function shareOf({ items, nextCursor }: AuditPage, { since = 0, until = 0 }: AuditFilter): number {
  const last = items.at(-1)
  if (nextCursor === undefined || last === undefined) return 1
  return (timeOf(last) - since) / Math.max(1, until - since)
}

/** Half an answer must not be taken for all of it. */
function assertWhole({ index }: AuditPage, { until = 0 }: AuditFilter): void {
  const { problem, isRebuilding, behindBytes, newestAt = 0 } = index
  const isBehind = behindBytes > 0 && newestAt < until
  if (problem === undefined && !isRebuilding && !isBehind) return
  throw new Failure(
    'refused',
    'the index is behind the journal, so the export would not be whole: try again later, or see `audit reindex`',
  )
}
