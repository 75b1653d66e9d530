/** `audit query`: what was let through, what was refused, who changed what. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditRecord, Client } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { connect } from './connection.ts'
import { parseMoment } from './moments.ts'
import { answer, compact } from './session.ts'
import { formatTable, type Row } from './table.ts'

const PAGE = 1000
const DEFAULT_LIMIT = 10_000

const options = z.object({
  agent: z.string().optional(),
  service: z.string().optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  limit: z.coerce.number().optional(),
})
type Options = z.output<typeof options>

export function registerAudit(program: Command, runs: Runner): void {
  const audit = program.command('audit').description('the audit: query')
  const query = audit
    .command('query')
    .description('show audit records, oldest first; reading is recorded as well')
    .option('--agent <name>', 'of this agent')
    .option('--service <id>', 'of this service')
    .option('--since <when>', 'from then on: 2h (ago), 7d, 2026-11-20T12:00:00Z')
    .option('--until <when>', 'before then')
    .option('--limit <count>', 'at most so many, the oldest', String(DEFAULT_LIMIT))
  query.addOption(
    query.createOption('--decision <decision>', 'only these').choices(['allow', 'deny']),
  )
  runs(query, options, queryAudit)
}

async function queryAudit({ session, options: asked }: Call<Options>): Promise<void> {
  const limit = asked.limit ?? DEFAULT_LIMIT
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new Failure('usage_invalid', '--limit must be a whole number above zero')
  const filter = filterOf(asked, Date.now())
  const { client } = await connect(session)
  const { items, isCut } = await readRecords(client, filter, limit)
  if (isCut)
    session.terminal.note(`there are more than ${limit}: narrow it with --since, or raise --limit`)
  const header = ['time', 'agent', 'decision', 'operation', 'result', 'request']
  const words =
    items.length === 0 ? 'no records' : formatTable(session.terminal, header, items.map(rowOf))
  answer(session, { items }, words)
}

function filterOf({ agent, service, decision, since, until }: Options, now: number) {
  return compact({
    agent,
    service,
    decision,
    since: since === undefined ? undefined : parseMoment('--since', since, now),
    until: until === undefined ? undefined : parseMoment('--until', until, now),
  })
}

async function readRecords(
  { audit }: Client,
  filter: ReturnType<typeof filterOf>,
  limit: number,
): Promise<{ readonly items: readonly AuditRecord[]; readonly isCut: boolean }> {
  const items: AuditRecord[] = []
  let cursor: string | undefined
  do {
    const page = await audit.query(
      compact({ ...filter, cursor, limit: Math.min(PAGE, limit - items.length) }),
    )
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== undefined && items.length < limit)
  return { items, isCut: cursor !== undefined }
}

/** Records of all kinds in the same columns; what a kind does not have stays empty. */
function rowOf(record: AuditRecord): Row {
  const { time, agent, operator, decision, requestId } = record
  return [
    textOf(time),
    textOf(agent) || textOf(operator),
    textOf(decision),
    operationOf(record),
    resultOf(record),
    textOf(requestId),
  ]
}

function operationOf(record: AuditRecord): string {
  const { kind, method, service, path, action, target } = record
  switch (kind) {
    case 'change':
      return `${textOf(action)} ${textOf(target)}`
    case 'counted':
      return countedWords(record)
    case 'recovery':
      return `recovery: ${record.cause === 'unwritable' ? 'could not be written' : textOf(record.cause)}`
    case 'segment':
      return segmentWords(record)
    default:
      return [service, method, path].map(textOf).filter(Boolean).join(' ')
  }
}

/** Refusals that were too many to be recorded one by one. */
function countedWords({ count, network }: AuditRecord): string {
  const requests = count === 1 ? '1 request' : `${textOf(count)} requests`
  return `counted: ${requests} from ${textOf(network) || 'unknown'}`
}

function segmentWords({ previous, open }: AuditRecord): string {
  const after = typeof previous === 'number' ? `follows the one from ${previous}` : 'the first'
  const count = Array.isArray(open) ? open.length : 0
  return `segment: ${after}, ${count} open`
}

function resultOf({ kind, reason, result, outcome }: AuditRecord): string {
  if (kind === 'recovery' || kind === 'segment') return ''
  if (reason !== undefined) return textOf(reason)
  if (result !== undefined) return textOf(result)
  if (typeof outcome !== 'object' || outcome === null) return outcome === null ? 'open' : ''
  const end: Readonly<Record<string, unknown>> = { ...outcome }
  return textOf(end.status) || textOf(end.cause) || textOf(end.result)
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
