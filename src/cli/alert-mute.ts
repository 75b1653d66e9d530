/** `alert mute`, `alert mutes`, `alert unmute`: what shall be quiet, until when, and why. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { MuteView } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { parseDuration } from '../config/units.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { formatDistance } from './moments.ts'
import { answer, compact } from './session.ts'
import { formatTable, plain } from './table.ts'

const LONGEST_SECONDS = 30 * 86_400

const none = z.object({})
const muteOptions = z.object({
  rule: z.string().optional(),
  agent: z.string().optional(),
  for: z.string(),
  reason: z.string(),
})

export function registerAlertMutes(alert: Command, runs: Runner): void {
  const mute = alert
    .command('mute')
    .description('keep alerts quiet for a while; they are still recorded, and do not act')
    .option('--rule <rule>', 'of this rule')
    .option('--agent <name>', 'about this agent')
    .requiredOption('--for <duration>', 'how long, as 8h; at most 30d')
    .requiredOption('--reason <words>', 'why, for the others and for the audit')
  runs(mute, muteOptions, muteAlerts)
  runs(alert.command('mutes').description('list the mutes that hold'), none, listMutes)
  const unmute = alert.command('unmute').argument('<mute>').description('end a mute now')
  runs(unmute, none, endMute)
}

async function muteAlerts({ session, options }: Call<z.output<typeof muteOptions>>): Promise<void> {
  const { rule, agent, for: span, reason } = options
  if (rule === undefined && agent === undefined)
    throw new Failure('usage_invalid', 'say what to mute with --rule, --agent or both')
  const seconds = parseDuration(span)
  if (seconds === undefined)
    throw new Failure('usage_invalid', '--for takes a duration, as 90m, 8h or 7d')
  if (seconds > LONGEST_SECONDS)
    throw new Failure('usage_invalid', '--for is at most 30d: mute it again when that is over')
  const connection = await connect(session)
  const until = Date.now() + seconds * 1000
  const mute = await connection.client.alerts.mute(compact({ rule, agent, until, reason }))
  session.terminal.note(describe(connection))
  const words = `${mute.id}: ${subjectOf(mute)} is quiet until ${new Date(mute.until).toISOString()}`
  answer(session, mute, words)
}

async function listMutes({ session }: Call<object>): Promise<void> {
  const { client } = await connect(session)
  const { items } = await client.alerts.mutes()
  const rows = items.map(({ id, rule, agent, until, createdBy, reason }) => [
    id,
    rule ?? 'all',
    agent ?? 'all',
    formatDistance(until, Date.now()),
    createdBy,
    reason,
  ])
  const header = ['mute', 'rule', 'agent', 'ends', 'by', 'reason']
  const words = items.length === 0 ? 'no mutes' : formatTable(session.terminal, header, rows)
  answer(session, { items }, words)
}

async function endMute({ session, args: [id = ''] }: Call<object>): Promise<void> {
  const connection = await connect(session)
  await connection.client.alerts.unmute(id)
  session.terminal.note(describe(connection))
  answer(session, { removed: id }, `${plain(id)} ended`)
}

function subjectOf({ rule, agent }: MuteView): string {
  return [rule ?? 'every rule', agent === undefined ? '' : `about ${agent}`].join(' ').trim()
}
