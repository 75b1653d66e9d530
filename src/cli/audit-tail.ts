/** `audit tail`: the newest records, and with -f what happens from now on. */

import type { Command } from 'commander'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { UnreachableError, type AuditFilter, type AuditRecord } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { addFilterOptions, filterOf, filterOptions, numberOption } from './audit-filter.ts'
import { isLineForm, LINE_FORMS, type LineForm } from './audit-formats.ts'
import { noteUnknownNames } from './audit-names.ts'
import { noteLag } from './audit-pages.ts'
import { textOf, timeOf } from './audit-record.ts'
import { recordLine } from './audit-table.ts'
import type { Call, Runner } from './command.ts'
import { connect, type Connection } from './connection.ts'
import type { Session } from './session.ts'

const POLL_MS = 1000
const RETRY_MS = 2000
const PAGE = 1000

const options = z.object({
  ...filterOptions,
  follow: z.boolean().optional(),
  lines: numberOption.default(20),
  format: z.enum(['table', 'jsonl', 'csv', 'ocsf']).optional(),
})
type Options = z.output<typeof options>

export function registerAuditTail(audit: Command, runs: Runner): void {
  const tail = audit
    .command('tail')
    .description('show the newest audit records, oldest of them first')
  addFilterOptions(tail)
    .option('-f, --follow', 'and go on with what happens, until interrupted')
    .option('-n, --lines <count>', 'so many of those that are there (default: 20)')
    .addOption(
      tail
        .createOption('--format <format>', 'what to write (default: table)')
        .choices(['table', 'jsonl', 'csv', 'ocsf']),
    )
  runs(tail, options, tailAudit)
}

async function tailAudit({ session, options: asked }: Call<Options>): Promise<void> {
  const { lines, follow } = asked
  if (!Number.isSafeInteger(lines) || lines < 0 || lines > PAGE)
    throw new Failure('usage_invalid', `-n takes a whole number up to ${PAGE}`)
  const connection = await connect(session)
  const filter = filterOf(asked)
  await noteUnknownNames(session, connection.client, filter)
  const show = printer(session, asked)
  const { items, index } = await connection.client.audit.query({
    ...{ ...filter, order: 'newest', limit: Math.max(1, lines) },
  })
  noteLag(session, index)
  const shown = items.toReversed()
  show(lines === 0 ? [] : shown)
  if (follow) await followFrom(session, connection, { filter, shown, show })
}

type Show = (records: readonly AuditRecord[]) => void

function printer({ terminal, shared }: Session, { format }: Options): Show {
  const name = format ?? (shared.json ? 'jsonl' : 'table')
  const form: LineForm = isLineForm(name)
    ? LINE_FORMS[name]
    : { format: (record: AuditRecord) => recordLine(terminal, record) }
  if (form.header !== undefined) terminal.print(form.header)
  return (records) => {
    if (records.length > 0) terminal.print(records.map(form.format).join('\n'))
  }
}

interface Following {
  readonly filter: AuditFilter
  readonly shown: readonly AuditRecord[]
  readonly show: Show
}

/** From the newest shown record on: what shares its instant may have come in later. */
async function followFrom(
  session: Session,
  { client }: Connection,
  { filter, shown, show }: Following,
): Promise<never> {
  const last = shown.at(-1)
  const since = last === undefined ? Date.now() - POLL_MS : timeOf(last)
  const known = new Set(shown.map(nameOf))
  let cursor: string | undefined
  let isAway = false
  for (;;) {
    try {
      const page = await client.audit.query({
        ...{ ...filter, since, purpose: 'tail', limit: PAGE },
        ...(cursor === undefined ? {} : { cursor }),
      })
      show(page.items.filter((record) => !known.has(nameOf(record))))
      cursor = page.nextCursor
      isAway = false
      if (page.items.length < PAGE) await setTimeout(POLL_MS)
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      if (!isAway) session.terminal.note('the control plane does not answer: trying again')
      isAway = true
      await setTimeout(RETRY_MS)
    }
  }
}

const nameOf = ({ writer, seq }: AuditRecord): string => `${textOf(writer)}:${textOf(seq)}`
