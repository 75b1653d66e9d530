/** `report`: what the audit and the grants tell about agents, tokens and credentials. */

import type { Command } from 'commander'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { parseDuration } from '../config/units.ts'
import { momentsOf } from './audit-filter.ts'
import type { Call, Runner } from './command.ts'
import { connect } from './connection.ts'
import { parseMonth } from './moments.ts'
import { blastRadiusText } from './report-blast-radius.ts'
import { blastRadiusHtml } from './report-html-blast-radius.ts'
import { staleHtml, tightenHtml, usageHtml } from './report-html.ts'
import { addOutputOptions, output, outputOptions } from './report-output.ts'
import { staleText } from './report-stale.ts'
import { tightenText } from './report-tighten.ts'
import { usageText } from './report-usage.ts'
import { compact } from './session.ts'

const windowOptions = { since: z.string().optional(), until: z.string().optional() }
const blastOptions = z.object({
  kind: z.enum(['agent', 'token', 'credential']).optional(),
  ...windowOptions,
  ...outputOptions,
})
const usageOptions = z.object({
  by: z.string().optional(),
  agent: z.string().optional(),
  month: z.string().optional(),
  ...windowOptions,
  ...outputOptions,
})
const staleOptions = z.object({
  unused: z.string().optional(),
  longLived: z.string().optional(),
  ...outputOptions,
})
const tightenOptions = z.object({ ...windowOptions, ...outputOptions })

export function registerReport(program: Command, runs: Runner): void {
  const report = program
    .command('report')
    .description('reports: blast-radius, usage, stale, tighten; reading is recorded')
  registerBlastRadius(report, runs)
  registerUsage(report, runs)
  const stale = report
    .command('stale')
    .description('tokens and agents that are unused, long-lived or without an owner')
    .option('--unused <duration>', 'without a request for so long', '30d')
    .option('--long-lived <duration>', 'issued for longer than this', '7d')
  runs(addOutputOptions(stale), staleOptions, reportStale)
  const tighten = addWindow(report.command('tighten').argument('<agent>')).description(
    'the smallest scopes that would have allowed what an agent did',
  )
  runs(addOutputOptions(tighten), tightenOptions, reportTighten)
}

function registerBlastRadius(report: Command, runs: Runner): void {
  const command = report
    .command('blast-radius')
    .argument('<subject>', 'an agent, a token id (tok_...) or the name of a credential')
    .description('what could be done with it, what was done, and what ends that')
  addWindow(command).addOption(
    command
      .createOption('--kind <kind>', 'where one name stands for several things')
      .choices(['agent', 'token', 'credential']),
  )
  runs(addOutputOptions(command), blastOptions, reportBlastRadius)
}

function registerUsage(report: Command, runs: Runner): void {
  const command = addWindow(report.command('usage'))
    .description('requests, bytes, model tokens and money')
    .option('--month <month>', 'of this month (UTC), as 2026-03')
    .option('--by <list>', 'some of agent,service,operation,credential,token', 'agent,service')
    .option('--agent <name>', 'of this agent only')
  runs(addOutputOptions(command), usageOptions, reportUsage)
}

function addWindow(command: Command): Command {
  return command
    .option('--since <when>', 'from then on: 30d (ago), 2026-11-20 (default: 30d)')
    .option('--until <when>', 'before then')
}

async function reportBlastRadius(call: Call<z.output<typeof blastOptions>>): Promise<void> {
  const { session, options, args } = call
  const question = { subject: args[0] ?? '', kind: options.kind, ...windowOf(options) }
  const { client } = await connect(session)
  const report = await client.reports.blastRadius(compact(question))
  const renderings = { text: blastRadiusText, html: blastRadiusHtml }
  output(session, options, { report, renderings })
}

async function reportUsage({
  session,
  options,
}: Call<z.output<typeof usageOptions>>): Promise<void> {
  const window = options.month === undefined ? windowOf(options) : monthOf(options)
  const { client } = await connect(session)
  const report = await client.reports.usage(
    compact({ by: options.by, agent: options.agent, ...window }),
  )
  output(session, options, { report, renderings: { text: usageText, html: usageHtml } })
}

async function reportStale({
  session,
  options,
}: Call<z.output<typeof staleOptions>>): Promise<void> {
  const unusedMs = spanOf('--unused', options.unused)
  const longLivedMs = spanOf('--long-lived', options.longLived)
  const { client } = await connect(session)
  const report = await client.reports.stale(compact({ unusedMs, longLivedMs }))
  output(session, options, { report, renderings: { text: staleText, html: staleHtml } })
}

async function reportTighten(call: Call<z.output<typeof tightenOptions>>): Promise<void> {
  const { session, options, args } = call
  const window = windowOf(options)
  const { client } = await connect(session)
  const report = await client.reports.tighten(compact({ agent: args[0] ?? '', ...window }))
  output(session, options, { report, renderings: { text: tightenText, html: tightenHtml } })
}

interface WindowWords {
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly month?: string | undefined
}

const windowOf = ({ since, until }: WindowWords) => momentsOf({ since, until }, Date.now())

function monthOf({ month = '', since, until }: WindowWords) {
  if (since !== undefined || until !== undefined)
    throw new Failure('usage_invalid', 'give either --month, or --since and --until')
  return parseMonth(month)
}

function spanOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseDuration(text)
  if (seconds === undefined)
    throw new Failure('usage_invalid', `${option} takes a duration, as 30d`)
  return seconds * 1000
}
