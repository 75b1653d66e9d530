/** Usage, stale and tighten as HTML pages. */

import type { StaleReport, TightenReport, UsageReport } from '../../sdk/src/client.ts'
import { formatDuration } from '../config/units.ts'
import { markup, type Markup } from './markup.ts'
import { formatDistance } from './moments.ts'
import {
  code,
  coverageMarkup,
  leftOutMarkup,
  lines,
  pageText,
  riskMarkup,
  section,
  table,
} from './report-page.ts'
import { replayWords } from './report-tighten.ts'
import { sumCells } from './report-usage.ts'
import { coverageWords, findingWords, usedWords } from './report-words.ts'

export function usageHtml({ coverage, by, rows, total }: UsageReport): string {
  const sum = by.map((_key, index) => (index === 0 ? 'all' : ''))
  const rowCells = rows.items.map((row) => [...row.keys.map(code), ...sumCells(row)])
  const numbers = ['calls', 'failed', 'refused', 'sent', 'received', 'model tokens', 'money']
  const header = [
    ...by.map((name) => ({ name })),
    ...numbers.map((name) => ({ name, isNumber: true })),
  ]
  return pageText({
    title: 'Usage',
    lead: coverageMarkup(coverageWords(coverage), coverage.isComplete),
    sections: [
      section(`By ${by.join(' and ')}`, table(header, [...rowCells, [...sum, ...sumCells(total)]])),
      leftOutMarkup(rows.items.length, rows.total),
    ],
  })
}

export function staleHtml(report: StaleReport): string {
  const { coverage, liveTokens, tokens, agents } = report
  const unused = formatDuration(report.unusedMs / 1000)
  const longLived = formatDuration(report.longLivedMs / 1000)
  return pageText({
    title: 'Stale tokens and agents',
    lead: markup`<p>Unused: no request for ${unused}. Long-lived: issued for more than ${longLived}.</p>
${coverageMarkup(coverageWords(coverage), coverage.isComplete)}`,
    sections: [
      section(`Tokens: ${tokens.total} of ${liveTokens} live ones`, staleTokenTable(report)),
      leftOutMarkup(tokens.items.length, tokens.total),
      section(`Agents: ${agents.total}`, staleAgentTable(report)),
      leftOutMarkup(agents.items.length, agents.total),
    ],
  })
}

function staleTokenTable({ tokens, at }: StaleReport): Markup | undefined {
  const rows = tokens.items.map((token) => [
    riskMarkup(token.worstRisk),
    code(token.id),
    token.agent,
    usedWords(token.lastUsedAt, at),
    formatDistance(token.expiresAt, at),
    findingWords(token.findings),
    code(token.command),
  ])
  return table(columnsOf('worst', 'token', 'agent', 'used', 'expires', 'why', 'to end it'), rows)
}

function staleAgentTable({ agents, at }: StaleReport): Markup | undefined {
  const rows = agents.items.map((agent) => [
    agent.name,
    agent.owner ?? '',
    String(agent.liveTokens),
    usedWords(agent.lastUsedAt, at),
    findingWords(agent.findings),
    agent.command === undefined ? '' : code(agent.command),
  ])
  return table(columnsOf('agent', 'owner', 'live tokens', 'used', 'why', 'to end it'), rows)
}

export function tightenHtml(report: TightenReport): string {
  const { agent, coverage, surplus } = report
  return pageText({
    title: `Tighter scopes for agent ${agent}`,
    lead: coverageMarkup(coverageWords(coverage), coverage.isComplete),
    sections: [
      section('Needed', neededTable(report)),
      section('Held and not needed', spareTable(report)),
      section(
        'The same requests once more, with only these',
        markup`<p>${replayWords(report)}</p>`,
      ),
      section('To do it', whatToDo(report)),
      section(`Still allowed though never used: ${surplus.total}`, surplusTable(report)),
      leftOutMarkup(surplus.items.length, surplus.total),
    ],
  })
}

function neededTable({ needed }: TightenReport): Markup | undefined {
  const rows = needed.map(({ risk, scope, title, calls, isForOthers }) => [
    riskMarkup(risk),
    code(scope),
    isForOthers ? `${title} (only tokens below its own)` : title,
    String(calls),
  ])
  return table(columnsOf('risk', 'scope', 'what it allows', 'calls'), rows)
}

function spareTable({ spare }: TightenReport): Markup | undefined {
  const rows = spare.map(({ risk, scope, title, tokens }) => [
    riskMarkup(risk),
    code(scope),
    title,
    String(tokens),
  ])
  return table(columnsOf('risk', 'scope', 'what it allows', 'tokens'), rows)
}

function surplusTable({ surplus }: TightenReport): Markup | undefined {
  const rows = surplus.items.map(({ risk, scope, operation }) => [
    riskMarkup(risk),
    code(scope),
    code(operation),
  ])
  return table(columnsOf('risk', 'scope', 'operation'), rows)
}

function whatToDo({ commands, suggestion }: TightenReport): Markup | undefined {
  if (commands.length === 0) return undefined
  const grounds = suggestion.grounds.map((ground) => markup`<p class="dim">${ground}</p>`)
  return markup`${lines(commands)}${grounds}`
}

/** What counts stands to the right; names stay on one line. */
function columnsOf(...names: readonly string[]) {
  return names.map((name) => ({
    name,
    isNumber: ['calls', 'tokens', 'live tokens'].includes(name),
    isName: ['token', 'scope', 'used', 'expires'].includes(name),
  }))
}
