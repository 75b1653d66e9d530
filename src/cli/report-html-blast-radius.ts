/** A blast radius as an HTML page: the commands first, then the graph, then the tables. */

import type { BlastRadius, ReportedCredential, ReportedToken } from '../../sdk/src/client.ts'
import { markup, type Markup } from './markup.ts'
import { formatDistance, formatMoment } from './moments.ts'
import { RELATIONS, versionWords } from './report-blast-radius.ts'
import { graphOf } from './report-graph.ts'
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
import { graphSvg } from './report-svg.ts'
import {
  bindingWords,
  byteWords,
  containmentTitle,
  coverageWords,
  lifeWords,
  tokenCount,
  useWords,
} from './report-words.ts'

const SHOWN = 500

export function blastRadiusHtml(report: BlastRadius): string {
  const { subject, scopes } = report
  const graph = graphOf(report)
  return pageText({
    title: `Blast radius of ${subject.kind} ${subject.name}`,
    lead: lead(report),
    sections: [
      section(containmentTitle(report), containment(report)),
      section('What leads where', graph.edges.length === 0 ? undefined : graphSvg(graph)),
      section('Called, worst first', calledTable(report)),
      section('Refused', refusedTable(report)),
      section('Granted', scopeTable(report)),
      section('Real credentials behind it', credentialTable(report)),
      section('Tokens', tokenTable(report, report.tokens)),
      section('Live tokens below', tokenTable(report, report.descendants)),
      section('Tokens that ended in this window', tokenTable(report, report.ended)),
      section(
        'Tokens above',
        tokenTable(report, { items: report.ancestors, total: report.ancestors.length }),
      ),
      section('Agents', agentTable(report)),
      section(
        `Operations that nobody called`,
        scopes.length === 0 ? undefined : unusedList(report),
      ),
    ],
  })
}

function lead({ at, worstRisk, tokens, descendants, coverage }: BlastRadius): Markup {
  const worst =
    worstRisk === undefined ? markup`nothing live` : markup`worst: ${riskMarkup(worstRisk)}`
  const below = descendants.total === 0 ? '' : `, ${descendants.total} below`
  return markup`<p class="dim">${formatMoment(at)} · ${worst} · tokens: ${tokens.total}${below}</p>
${coverageMarkup(coverageWords(coverage), coverage.isComplete)}`
}

function containment({ containment: steps }: BlastRadius): Markup | undefined {
  if (steps.length === 0) return undefined
  const items = steps.map(({ command, effect }) =>
    command === undefined
      ? markup`<li>${effect}</li>`
      : markup`<li><pre>${command}</pre>${effect}</li>`,
  )
  return markup`<ol>${items}</ol>`
}

function calledTable({ called, at }: BlastRadius): Markup | undefined {
  const shown = called.items.slice(0, SHOWN)
  const rows = shown.map((call) => [
    riskMarkup(call.risk),
    String(call.calls),
    String(call.failed),
    code(`${call.service} ${call.operation}`),
    call.agent,
    `${formatDistance(call.lastAt, at)} from ${call.lastSource}`,
    byteWords(call.requestBytes),
  ])
  const found = table(
    [
      { name: 'risk' },
      { name: 'calls', isNumber: true },
      { name: 'failed', isNumber: true },
      { name: 'operation' },
      { name: 'agent' },
      { name: 'last', isName: true },
      { name: 'sent', isNumber: true },
    ],
    rows,
  )
  return found && markup`${found}${leftOutMarkup(shown.length, called.total)}`
}

function refusedTable({ refused, at }: BlastRadius): Markup | undefined {
  const shown = refused.items.slice(0, SHOWN)
  const rows = shown.map((one) => [
    String(one.count),
    code(one.reason),
    code(`${one.service} ${one.operation}`.trim()),
    one.agent,
    `${formatDistance(one.lastAt, at)} from ${one.lastSource}`,
  ])
  const found = table(
    [
      { name: 'times', isNumber: true },
      { name: 'reason', isName: true },
      { name: 'operation' },
      { name: 'agent' },
      { name: 'last', isName: true },
    ],
    rows,
  )
  return found && markup`${found}${leftOutMarkup(shown.length, refused.total)}`
}

function scopeTable({ scopes }: BlastRadius): Markup | undefined {
  const rows = scopes.map((scope) => [
    riskMarkup(scope.risk),
    code(scope.scope),
    scope.title,
    tokenCount(scope),
    scope.calls === 0 ? 'never used' : String(scope.calls),
    `${scope.operations - scope.unused.total} of ${scope.operations}`,
    scope.credential ?? '',
  ])
  return table(
    [
      { name: 'risk' },
      { name: 'scope', isName: true },
      { name: 'what it allows' },
      { name: 'live tokens', isNumber: true },
      { name: 'calls', isNumber: true },
      { name: 'operations used', isNumber: true },
      { name: 'credential' },
    ],
    rows,
  )
}

function credentialTable({ credentials, at }: BlastRadius): Markup | undefined {
  const rows = credentials.map((credential: ReportedCredential) => [
    code(credential.name),
    code(credential.reference ?? 'not configured'),
    versionWords(credential, at),
    holderWords(credential),
  ])
  return table(
    [
      { name: 'credential', isName: true },
      { name: 'kept in', isName: true },
      { name: 'version' },
      { name: 'agents with live tokens for it' },
    ],
    rows,
  )
}

function holderWords({ holders, isCut }: ReportedCredential): string {
  const shown = holders.slice(0, SHOWN).map(({ agent, tokens }) => `${agent} (${tokens})`)
  const more = holders.length > shown.length ? [`${holders.length - shown.length} more`] : []
  return [...shown, ...more, ...(isCut ? ['and perhaps others'] : [])].join(', ') || 'nobody'
}

function tokenTable(
  { at }: BlastRadius,
  { items, total }: BlastRadius['tokens'],
): Markup | undefined {
  const shown = items.slice(0, SHOWN)
  const rows = shown.map((token: ReportedToken) => [
    riskMarkup(token.worstRisk),
    code(token.id),
    token.agent,
    `${lifeWords(token, at)}; ${useWords(token, at)}; ${bindingWords(token)}`,
    token.scopes.join(', '),
  ])
  const found = table(
    [
      { name: 'worst' },
      { name: 'token', isName: true },
      { name: 'agent' },
      { name: 'facts' },
      { name: 'scopes' },
    ],
    rows,
  )
  return found && markup`${found}${leftOutMarkup(shown.length, total)}`
}

function agentTable({ agents }: BlastRadius): Markup | undefined {
  const shown = agents.slice(0, SHOWN)
  const rows = shown.map(({ name, relation, owner = 'nobody', isDisabled, tokens, ended }) => [
    name,
    RELATIONS[relation],
    tokenCount({ tokens, ended }),
    isDisabled ? 'disabled' : 'enabled',
    owner,
  ])
  const found = table(
    [
      { name: 'agent' },
      { name: 'relation' },
      { name: 'live tokens', isNumber: true },
      { name: 'state' },
      { name: 'owner' },
    ],
    rows,
  )
  return found && markup`${found}${leftOutMarkup(shown.length, agents.length)}`
}

function unusedList({ scopes }: BlastRadius): Markup {
  return markup`${scopes.map(
    ({ scope, unused }) =>
      markup`<details><summary>${scope}: ${unused.total}</summary>${lines(unused.items)}</details>`,
  )}`
}
