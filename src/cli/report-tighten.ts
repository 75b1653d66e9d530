/** Tighter scopes as text: what was needed, what was not, the replay, and the lines to run. */

import type { TightenReport } from '../../sdk/src/client.ts'
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
import { coverageWords } from './report-words.ts'
import { plain } from './table.ts'

const SHOWN = 20

export function tightenText(paper: Paper, report: TightenReport): string {
  return [
    paper.colors.bold(`Tighter scopes for agent ${plain(report.agent)}`),
    paragraph(paper, coverageWords(report.coverage), ''),
    ...neededSection(paper, report),
    ...spareSection(paper, report),
    ...surplusSection(paper, report),
    heading(paper, 'The same requests once more, with only these'),
    paragraph(paper, replayWords(report)),
    ...refusalSection(paper, report),
    ...commandSection(paper, report),
  ].join('\n')
}

function neededSection(paper: Paper, { needed }: TightenReport): string[] {
  if (needed.length === 0) return [heading(paper, 'Needed'), '  nothing: no request was let in']
  const rows = needed.map((scope) => [
    scope.risk,
    scope.scope,
    String(scope.calls),
    scope.isForOthers ? `${scope.title} (only tokens below its own)` : scope.title,
  ])
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'scope' },
    { name: 'calls', align: 'right' },
    { name: 'what it allows', yields: true },
  ] as const
  return [heading(paper, 'Needed'), columns(paper, header, rows)]
}

function spareSection(paper: Paper, { spare, liveTokens }: TightenReport): string[] {
  if (spare.length === 0)
    return [
      heading(paper, 'Held and not needed'),
      liveTokens === 0 ? '  it has no live token' : '  nothing',
    ]
  const rows = spare.map(({ risk, scope, tokens, title }) => [risk, scope, String(tokens), title])
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'scope' },
    { name: 'tokens', align: 'right' },
    { name: 'what it allows', yields: true },
  ] as const
  return [heading(paper, 'Held and not needed'), columns(paper, header, rows)]
}

function surplusSection(paper: Paper, { surplus }: TightenReport): string[] {
  if (surplus.total === 0) return []
  const shown = surplus.items.slice(0, SHOWN)
  const rows = shown.map(({ risk, scope, operation }) => [risk, scope, operation])
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'scope' },
    { name: 'operation', yields: true },
  ] as const
  return [
    heading(paper, `Still allowed though never used (${surplus.total})`),
    columns(paper, header, rows),
    ...leftOut(shown.length, surplus.total),
  ]
}

export function replayWords({ replay: { requests, refused, unknown } }: TightenReport): string {
  const all = `Of ${counted(requests, 'request')} that were let in, ${refused === 0 ? 'none' : String(refused)} would have been refused.`
  if (unknown === 0) return all
  return `${all} ${unknown} needed a scope that the catalogue has no more, and cannot be judged.`
}

function refusalSection(paper: Paper, { replay: { refusals } }: TightenReport): string[] {
  if (refusals.length === 0) return []
  const rows = refusals
    .slice(0, SHOWN)
    .map(({ count, reason, service, operation }) => [
      String(count),
      reason,
      `${service} ${operation}`,
    ])
  const header = [
    { name: 'times', align: 'right' },
    { name: 'reason' },
    { name: 'operation', yields: true },
  ] as const
  return [columns(paper, header, rows)]
}

function commandSection(paper: Paper, { commands, suggestion }: TightenReport): string[] {
  if (commands.length === 0) return []
  return [
    heading(paper, 'To do it'),
    ...commands.map(plainLong),
    ...(suggestion.grounds.length === 0 ? [] : [heading(paper, 'Why these limits')]),
    ...suggestion.grounds.map((ground) => paragraph(paper, ground)),
  ]
}
