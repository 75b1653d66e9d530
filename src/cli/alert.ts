/** `alert`: what deserves a look, who looks after it, and what shall be quiet for a while. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AlertFilter, AlertView } from '../../sdk/src/client.ts'
import { everyItem } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { registerAlertMutes } from './alert-mute.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { formatDistance, parseMoment } from './moments.ts'
import { answer, compact } from './session.ts'
import { formatTable, plain, type Row } from './table.ts'

const none = z.object({})
const listOptions = z.object({
  all: z.boolean().optional(),
  rule: z.string().optional(),
  agent: z.string().optional(),
  since: z.string().optional(),
})

export function registerAlert(program: Command, runs: Runner): void {
  const alert = program.command('alert').description('alerts: list, ack, mute, mutes, unmute, test')
  const list = alert
    .command('list')
    .description('show open alerts, newest first')
    .option('--all', 'acknowledged and muted ones as well')
    .option('--rule <rule>', 'of this rule')
    .option('--agent <name>', 'about this agent')
    .option('--since <when>', 'found since then: 2h (ago), 7d, 2026-11-20T12:00:00Z')
  runs(list, listOptions, listAlerts)
  const ack = alert.command('ack').argument('<alert...>').description('say that you look after it')
  runs(ack, none, acknowledge)
  registerAlertMutes(alert, runs)
  const test = alert
    .command('test')
    .description('send a test alert to every target, and say what became of it')
  runs(test, none, testTargets)
}

async function listAlerts({ session, options }: Call<z.output<typeof listOptions>>): Promise<void> {
  const { all = false, rule, agent, since } = options
  const now = Date.now()
  const filter: AlertFilter = compact({
    rule,
    agent,
    status: all ? undefined : ('open' as const),
    since: since === undefined ? undefined : parseMoment('--since', since, now),
  })
  const { client } = await connect(session)
  const items: AlertView[] = []
  for await (const item of everyItem(client.alerts.list, { ...filter, limit: 1000 }))
    items.push(item)
  const header = ['alert', 'last', 'rule', 'agent', 'score', 'count', 'state', 'reason']
  const rows = items.map((item) => rowOf(item, now))
  const words = items.length === 0 ? 'no alerts' : formatTable(session.terminal, header, rows)
  answer(session, { items }, words)
}

function rowOf(alert: AlertView, now: number): Row {
  const { id, lastAt, rule, agent, score, count, reason } = alert
  const last = formatDistance(lastAt, now)
  return [id, last, rule, agent, score.toFixed(2), String(count), stateOf(alert), reason]
}

/** What was done weighs more than who has seen it. */
function stateOf({ status, acknowledgedBy, actions }: AlertView): string {
  const seen = status === 'acknowledged' ? `seen by ${acknowledgedBy ?? '?'}` : status
  const acted = actions.map(({ action, state }) =>
    state === 'done' ? action : `${action} ${state}`,
  )
  return [...new Set(acted), seen].join(', ')
}

async function acknowledge({ session, args: ids }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const items: AlertView[] = []
  for (const id of ids) items.push(await connection.client.alerts.acknowledge(id))
  session.terminal.note(describe(connection))
  const lines = items.map(
    ({ id, rule, acknowledgedBy = '' }) => `${id} (${rule}) is looked after by ${acknowledgedBy}`,
  )
  answer(session, { items }, plainLines(lines))
}

async function testTargets({ session }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const { items } = await connection.client.alerts.test()
  session.terminal.note(describe(connection))
  const lines = items.map(({ target, problem }) => `${target}: ${problem ?? 'delivered'}`)
  answer(
    session,
    { items },
    items.length === 0
      ? 'no targets: list them under `alerts.targets` in the configuration'
      : plainLines(lines),
  )
  const failed = items.filter(({ delivered }) => !delivered).length
  if (failed > 0)
    throw new Failure('refused', `${failed} of ${items.length} targets did not get it`)
}

function plainLines(lines: readonly string[]): string {
  return lines.map(plain).join('\n')
}
