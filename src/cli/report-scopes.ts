/** Scopes as text, each with the operations that it is for: those that were called, then the others. */

import type { BlastRadius, ReportedScope, Risk } from '../../sdk/src/client.ts'
import { isRiskier } from '../catalog/risk.ts'
import { columns, heading, riskPaint, type Paper } from './report-paper.ts'

/** Operations of one scope. */
const SHOWN = 10

type Row = readonly [risk: string, calls: string, used: string, what: string]

export function scopeSections(paper: Paper, report: BlastRadius): string[] {
  const [used, unused] = [true, false].map((isUsed) =>
    report.scopes.filter(({ calls }) => calls > 0 === isUsed),
  )
  return [
    ...scopeSection(paper, report, { name: 'Granted and used', scopes: used }),
    ...scopeSection(paper, report, {
      name: 'Granted and never used in this window',
      scopes: unused,
    }),
  ]
}

interface ScopeList {
  readonly name: string
  readonly scopes: readonly ReportedScope[] | undefined
}

function scopeSection(paper: Paper, report: BlastRadius, { name, scopes = [] }: ScopeList) {
  if (scopes.length === 0) return []
  const header = [
    { name: 'risk', paint: riskPaint(paper) },
    { name: 'calls', align: 'right' },
    { name: 'used' },
    { name: 'scope, and its operations', yields: true },
  ] as const
  const rows = scopes.flatMap((scope) => rowsOf(scope, report))
  return [heading(paper, name), columns(paper, header, rows)]
}

function rowsOf(scope: ReportedScope, report: BlastRadius): Row[] {
  const { risk, calls, operations, unused, title } = scope
  const called = calledOf(scope, report)
  const rows = [...called, ...unused.items.map((name): Row => [risk, '', '', `  ${name}`])]
  const left = called.length + unused.total - Math.min(rows.length, SHOWN)
  const used = `${operations - unused.total} of ${operations}`
  return [
    [risk, String(calls), used, `${scope.scope}  ${title}`],
    ...rows.slice(0, SHOWN),
    ...(left > 0 ? [['', '', '', `  ... and ${left} more: --format json`] as const] : []),
  ]
}

/** Whoever called them, the worst first: one may have needed a worse scope besides. */
function calledOf({ scope }: ReportedScope, { called }: BlastRadius): Row[] {
  const sums = new Map<string, { readonly risk: Risk; readonly calls: number }>()
  for (const { operation, scopes, risk, calls } of called.items) {
    if (!scopes.includes(scope)) continue
    const known = sums.get(operation) ?? { risk, calls: 0 }
    const worse = isRiskier(risk, known.risk) ? risk : known.risk
    sums.set(operation, { risk: worse, calls: known.calls + calls })
  }
  return [...sums]
    .sort(
      ([, left], [, right]) =>
        Number(isRiskier(right.risk, left.risk)) - Number(isRiskier(left.risk, right.risk)) ||
        right.calls - left.calls,
    )
    .map(([operation, { risk, calls }]) => [risk, String(calls), '', `  ${operation}`])
}
