/** Stale tokens and agents as text, with the lines that revoke them. */

import type { StaleAgent, StaleReport, StaleToken } from '../../sdk/src/client.ts'
import { formatDuration } from '../config/units.ts'
import { formatDistance } from './moments.ts'
import {
  columns,
  counted,
  heading,
  leftOut,
  paragraph,
  plainLong,
  riskPaint,
  type Paper,
} from './report-paper.ts'
import { coverageWords, findingWords, usedWords } from './report-words.ts'

const SHOWN = 50

export function staleText(paper: Paper, report: StaleReport): string {
  const { coverage, unusedMs, longLivedMs, liveTokens, tokens, agents } = report
  const rules = `Unused: no request for ${formatDuration(unusedMs / 1000)}. Long-lived: issued for more than ${formatDuration(longLivedMs / 1000)}.`
  return [
    `${paper.colors.bold('Stale')}: ${tokens.total} of ${counted(liveTokens, 'live token')}, ${counted(agents.total, 'agent')}`,
    paragraph(paper, `${rules} ${coverageWords(coverage)}`, ''),
    ...tokenSection(paper, report),
    ...agentSection(paper, report),
    ...commandSection(paper, report),
  ].join('\n')
}

function tokenSection(paper: Paper, { tokens, at }: StaleReport): string[] {
  if (tokens.total === 0) return []
  const shown = tokens.items.slice(0, SHOWN)
  const rows = shown.map((token: StaleToken) => [
    token.worstRisk,
    token.id,
    token.agent,
    usedWords(token.lastUsedAt, at),
    formatDistance(token.expiresAt, at),
    findingWords(token.findings),
  ])
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'token' },
    { name: 'agent', yields: true },
    { name: 'used' },
    { name: 'expires' },
    { name: 'why' },
  ] as const
  return [
    heading(paper, `Tokens (${tokens.total})`),
    columns(paper, header, rows),
    ...leftOut(shown.length, tokens.total),
  ]
}

function agentSection(paper: Paper, { agents, at }: StaleReport): string[] {
  if (agents.total === 0) return []
  const shown = agents.items.slice(0, SHOWN)
  const isOwnerless = shown.some(({ findings }) => findings.includes('ownerless'))
  const rows = shown.map((agent: StaleAgent) => [
    agent.name,
    agent.owner ?? '',
    String(agent.liveTokens),
    usedWords(agent.lastUsedAt, at),
    findingWords(agent.findings),
  ])
  const header = [
    { name: 'agent' },
    { name: 'owner', yields: true },
    { name: 'live tokens', align: 'right' },
    { name: 'used' },
    { name: 'why' },
  ] as const
  return [
    heading(paper, `Agents (${agents.total})`),
    columns(paper, header, rows),
    ...leftOut(shown.length, agents.total),
    ...(isOwnerless
      ? ['  `apistronghold agent set-owner AGENT OWNER` says who answers for one.']
      : []),
  ]
}

/** Without colour and indent: to be copied whole. */
function commandSection(paper: Paper, { tokens, agents }: StaleReport): string[] {
  const commands = [...tokens.items, ...agents.items]
    .flatMap(({ command }) => (command === undefined ? [] : plainLong(command)))
    .slice(0, SHOWN)
  if (commands.length === 0) return []
  return [heading(paper, 'To end them'), ...commands]
}
