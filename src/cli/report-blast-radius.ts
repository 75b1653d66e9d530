/** A blast radius as text: what it could do, what it did, and at the end what to run. */

import type { BlastRadius, ReportedCredential, ReportedToken } from '../../sdk/src/client.ts'
import { formatDistance } from './moments.ts'
import {
  columns,
  heading,
  leftOut,
  numbered,
  paragraph,
  plainLong,
  riskPaint,
  withoutColumn,
  type Paper,
} from './report-paper.ts'
import { scopeSections } from './report-scopes.ts'
import {
  bindingWords,
  containmentTitle,
  coverageWords,
  lifeWords,
  tokenCount,
  useWords,
} from './report-words.ts'
import { plain } from './table.ts'

const SHOWN = 20
const DEEP = '      '

export function blastRadiusText(paper: Paper, report: BlastRadius): string {
  return [
    title(paper, report),
    paragraph(paper, coverageWords(report.coverage), ''),
    ...tokenSections(paper, report),
    ...calledSection(paper, report),
    ...refusedSection(paper, report),
    ...scopeSections(paper, report),
    ...credentialSection(paper, report),
    ...agentSection(paper, report),
    ...containmentSection(paper, report),
  ].join('\n')
}

function title({ colors }: Paper, { subject, worstRisk }: BlastRadius): string {
  const name = plain(subject.name)
  const worst =
    worstRisk === undefined
      ? colors.green('nothing live')
      : `worst: ${riskPaint({ colors, columns: 0 })(plain(worstRisk))}`
  return `${colors.bold(`Blast radius of ${subject.kind} ${name}`)}, ${worst}`
}

function tokenSections(paper: Paper, report: BlastRadius): string[] {
  const { subject, tokens, descendants, ancestors } = report
  const noun = subject.kind === 'token' ? 'Token' : `Live tokens (${tokens.total})`
  return [
    ...tokenSection(paper, report, { name: noun, ...tokens }),
    ...tokenSection(paper, report, {
      name: `Live tokens below (${descendants.total})`,
      ...descendants,
    }),
    ...tokenSection(paper, report, {
      name: `Tokens that ended in this window (${report.ended.total})`,
      ...report.ended,
    }),
    ...tokenSection(paper, report, {
      name: `Tokens above (${ancestors.length})`,
      items: ancestors,
      total: ancestors.length,
    }),
  ]
}

interface TokenList {
  readonly name: string
  readonly items: readonly ReportedToken[]
  readonly total: number
}

function tokenSection(paper: Paper, { at }: BlastRadius, { name, items, total }: TokenList) {
  if (total === 0) return []
  const shown = items.slice(0, SHOWN)
  return [
    heading(paper, name),
    ...shown.map((token) => describeToken(paper, token, at)),
    ...leftOut(shown.length, total),
  ]
}

function describeToken(paper: Paper, token: ReportedToken, now: number): string {
  const paint = riskPaint(paper)
  const head = `  ${paint(plain(token.worstRisk).padEnd(11))}  ${plain(token.id)}  ${plain(token.agent)}`
  const above = token.chain.length === 0 ? '' : `; below ${token.chain.join(' > ')}`
  return [
    head,
    paragraph(paper, `${lifeWords(token, now)}; ${useWords(token, now)}`, DEEP),
    paragraph(paper, `${bindingWords(token)}${above}`, DEEP),
    paragraph(paper, token.scopes.join(', '), DEEP),
  ].join('\n')
}

function calledSection(paper: Paper, { called, coverage, at }: BlastRadius): string[] {
  if (called.total === 0) return [heading(paper, 'Called'), '  nothing in this window']
  const shown = called.items.slice(0, SHOWN)
  const rows = shown.map((call) => [
    call.risk,
    String(call.calls),
    call.failed === 0 ? '' : String(call.failed),
    formatDistance(call.lastAt, Math.min(at, coverage.until)),
    call.agent,
    `${call.service} ${call.operation}`,
  ])
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'calls', align: 'right' },
    { name: 'failed', align: 'right' },
    { name: 'last' },
    { name: 'agent' },
    { name: 'operation', yields: true },
  ] as const
  const kept = withoutColumn('agent', header, rows)
  return [
    heading(paper, 'Called, worst first'),
    columns(paper, kept.header, kept.rows),
    ...leftOut(shown.length, called.total),
  ]
}

function refusedSection(paper: Paper, { refused, coverage, at }: BlastRadius): string[] {
  if (refused.total === 0) return []
  const shown = refused.items.slice(0, SHOWN)
  const rows = shown.map((one) => [
    String(one.count),
    one.reason,
    formatDistance(one.lastAt, Math.min(at, coverage.until)),
    one.agent,
    `${one.service} ${one.operation}`.trim(),
  ])
  const header = [
    { name: 'times', align: 'right' },
    { name: 'reason' },
    { name: 'last' },
    { name: 'agent' },
    { name: 'operation', yields: true },
  ] as const
  const kept = withoutColumn('agent', header, rows)
  return [
    heading(paper, 'Refused'),
    columns(paper, kept.header, kept.rows),
    ...leftOut(shown.length, refused.total),
  ]
}

function credentialSection(paper: Paper, { credentials, at }: BlastRadius): string[] {
  if (credentials.length === 0) return []
  return [
    heading(paper, 'Real credentials behind it'),
    ...credentials.map((credential) => describeCredential(paper, credential, at)),
  ]
}

function describeCredential(paper: Paper, credential: ReportedCredential, now: number): string {
  const { name, reference = 'nowhere: not configured', holders, isCut } = credential
  const shown = holders.slice(0, SHOWN).map(({ agent, tokens }) => `${agent} (${tokens})`)
  const more = holders.length > shown.length ? `, and ${holders.length - shown.length} more` : ''
  const who = holders.length === 0 ? 'nobody' : shown.join(', ')
  const atLeast = isCut ? ' at least' : ''
  return [
    `  ${paper.colors.bold(plain(name))}  ${plain(reference)}`,
    paragraph(paper, versionWords(credential, now), DEEP),
    paragraph(paper, `agents with live tokens for it${atLeast}: ${who}${more}`, DEEP),
  ].join('\n')
}

export function versionWords(credential: ReportedCredential, now: number): string {
  const { version, sealedBy = '', storedAt, usedVersion } = credential
  const used = usedVersion === undefined ? 'not given to a request in this window' : undefined
  if (version === undefined || storedAt === undefined)
    return used ?? `the last request was given version ${usedVersion ?? ''}`
  const stored = `version ${version}, sealed by ${sealedBy}, stored ${formatDistance(storedAt, now)}`
  if (used !== undefined) return `${stored}; ${used}`
  return usedVersion === `v${version}`
    ? `${stored}; given to the last request`
    : `${stored}; the last request was given version ${usedVersion ?? ''}`
}

export const RELATIONS = {
  subject: 'holds it',
  holder: 'holds it',
  below: 'below',
  above: 'above',
  shares: 'shares a credential',
} as const

function agentSection(paper: Paper, { agents }: BlastRadius): string[] {
  const shown = agents.slice(0, SHOWN)
  if (shown.length === 0) return []
  const rows = shown.map(({ name, relation, owner = 'nobody', isDisabled, tokens, ended }) => [
    name,
    RELATIONS[relation],
    tokenCount({ tokens, ended }),
    isDisabled ? 'disabled' : 'enabled',
    owner,
  ])
  const header = [
    { name: 'agent' },
    { name: 'relation' },
    { name: 'tokens', align: 'right' },
    { name: 'state' },
    { name: 'owner', yields: true },
  ] as const
  return [
    heading(paper, 'Agents'),
    columns(paper, header, rows),
    ...leftOut(shown.length, agents.length),
  ]
}

function containmentSection(paper: Paper, report: BlastRadius): string[] {
  const { containment } = report
  if (containment.length === 0) return []
  const steps = containment.map(({ command, effect }, index) => {
    if (command === undefined) return numbered(paper, index + 1, effect)
    const number = `  ${index + 1}.`.padEnd(DEEP.length)
    return `${number}${paper.colors.bold(plainLong(command))}\n${paragraph(paper, effect, DEEP)}`
  })
  return [heading(paper, containmentTitle(report)), ...steps]
}
