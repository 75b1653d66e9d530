/** The options that say which records: the same for query, tail and export. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditFilter } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { parseMonth, parseMoment } from './moments.ts'
import { compact } from './session.ts'

export const filterOptions = {
  agent: z.string().optional(),
  descendants: z.boolean().optional(),
  token: z.string().optional(),
  session: z.string().optional(),
  operator: z.string().optional(),
  request: z.string().optional(),
  service: z.string().optional(),
  scope: z.string().optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  reason: z.string().optional(),
  status: z.string().optional(),
  path: z.string().optional(),
  source: z.string().optional(),
  action: z.string().optional(),
  text: z.string().optional(),
}

export const spanOptions = {
  since: z.string().optional(),
  until: z.string().optional(),
  month: z.string().optional(),
}

/** NaN for what is no number: whoever needs it says what it may be. */
export const numberOption = z.string().transform(Number)

const filterSchema = z.object(filterOptions)
export type FilterWords = z.output<typeof filterSchema>

export interface SpanWords {
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly month?: string | undefined
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--agent <name>', 'of this agent')
    .option('--descendants', 'with --agent or --token: also of tokens below theirs')
    .option('--token <id>', 'of this token (tok_...)')
    .option('--session <id>', 'of this session')
    .option('--operator <name>', 'changes and readings by this operator')
    .option('--request <id>', 'of this request (req_...)')
    .option('--service <id>', 'of this service')
    .option('--scope <scope>', 'that needed this scope, as stripe:refund')
    .addOption(
      command.createOption('--decision <decision>', 'only these').choices(['allow', 'deny']),
    )
    .option('--reason <reason>', 'refused for this reason, as scope_missing')
    .option('--status <status>', 'answered with 404, or with one of 5xx')
    .option('--path <path>', 'whose path begins so')
    .option('--source <address>', 'from this address or network, as 10.0.0.0/8')
    .option('--action <action>', 'changes of this kind: token.issue, or token. for all of them')
    .option('--text <text>', 'with this text anywhere in the record')
}

export function addSpanOptions(command: Command): Command {
  return command
    .option('--since <when>', 'from then on: 2h (ago), 7d, 2026-11-20T12:00:00Z')
    .option('--until <when>', 'before then')
    .option('--month <month>', 'of this month (UTC), as 2026-03')
}

/** In the words of the API. */
export function filterOf(words: FilterWords): AuditFilter {
  const { descendants, token, session, request, ...same } = filterSchema.parse(words)
  if (descendants && same.agent === undefined && token === undefined)
    throw new Failure('usage_invalid', '--descendants goes with --agent or --token')
  return compact({
    ...same,
    ...{ withDescendants: descendants, tokenId: token, sessionId: session, requestId: request },
  })
}

export interface Span {
  readonly since?: number
  readonly until?: number
}

export function spanOf({ since, until, month }: SpanWords, now: number): Span {
  if (month === undefined) return momentsOf({ since, until }, now)
  if (since !== undefined || until !== undefined)
    throw new Failure('usage_invalid', 'give either --month, or --since and --until')
  return parseMonth(month)
}

export function momentsOf({ since, until }: Omit<SpanWords, 'month'>, now: number): Span {
  return assertForward({
    since: since === undefined ? undefined : parseMoment('--since', since, now),
    until: until === undefined ? undefined : parseMoment('--until', until, now),
  })
}

function assertForward(span: {
  readonly since: number | undefined
  readonly until: number | undefined
}) {
  const { since = 0, until = Number.MAX_SAFE_INTEGER } = span
  if (since < until) return compact(span)
  throw new Failure('usage_invalid', '--until must be after --since')
}
