/** The budgets, held against what was measured. */

import { findRow, type Results } from './results.ts'
import type { Table } from './tables.ts'

interface Budget {
  readonly what: string
  /** Undefined where it was not measured. */
  readonly measured: number | undefined
  readonly most: number
  readonly unit: string
}

export function budgetTable(results: Results): Table {
  const budgets = budgetsOf(results)
  return {
    title: 'Budgets',
    header: ['budget', 'at most', 'measured', ''],
    rows: budgets.map(({ what, measured, most, unit }) => [
      what,
      `${format(most)} ${unit}`.trim(),
      measured === undefined ? '' : `${format(measured)} ${unit}`.trim(),
      verdict(measured, most),
    ]),
  }
}

function verdict(measured: number | undefined, most: number): string {
  if (measured === undefined || Number.isNaN(measured)) return 'not measured'
  return measured <= most ? 'met' : 'MISSED'
}

function budgetsOf(results: Results): readonly Budget[] {
  const of = (scenario: string, subject: string, figure: string) =>
    findRow(results, { scenario, transport: 'tls', subject })?.figures[figure]?.median
  const cpu = (subject: string) => of('small', subject, 'cpuMicros')
  const plain = (subject: string) =>
    findRow(results, { scenario: 'small', transport: 'plain', subject })?.figures['cpuMicros']
      ?.median
  const { syncP50Ms } = results.machine
  const budgets: readonly (readonly [string, number | undefined, number, string])[] = [
    ['bare swap, plain upstream, CPU of nginx', over(plain('swap'), plain('nginx')), 1.6, 'x'],
    ['full duty, TLS upstream, CPU of nginx', over(cpu('ours'), cpu('nginx')), 1.8, 'x'],
    ['full duty, TLS upstream, CPU of Caddy', over(cpu('ours'), cpu('caddy')), 0.6, 'x'],
    ['duty on top of the swap, on disk', minus(cpu('ours'), cpu('swap')), 10, 'us'],
    ['of that the audit', minus(cpu('ours'), cpu('ours-unaudited')), 10, 'us'],
    ['duty on top of the swap, on tmpfs', minus(cpu('ours-tmpfs'), cpu('swap')), 5, 'us'],
    [
      'added at half of saturation, p50',
      of('half', 'ours', 'addedP50Ms'),
      0.2 + 1.5 * syncP50Ms,
      'ms',
    ],
    ['added at half of saturation, p99', of('half', 'ours', 'addedP99Ms'), 2 + 5 * syncP50Ms, 'ms'],
    ['added to a server-sent event, p50', of('events', 'ours', 'addedP50Ms'), 1, 'ms'],
    ['memory when idle', of('small', 'ours', 'idleMegabytes'), 120, 'MB'],
    ['memory of a slow connection', of('slow', 'ours', 'kilobytes'), 12, 'kB'],
    ['p99 beside slow connections, of its quiet value', of('slow', 'ours', 'times'), 2, 'x'],
  ]
  return budgets.map(([what, measured, most, unit]) => ({ what, measured, most, unit }))
}

function over(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one / other
}

function minus(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other
}

const format = (value: number): string => (value >= 10 ? value.toFixed(1) : value.toFixed(2))
