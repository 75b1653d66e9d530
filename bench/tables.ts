/** The results as tables: one per scenario and transport. */

import { findRow, type Results, type Row, type Spread } from './results.ts'
import { SCENARIOS } from './scenarios.ts'

export interface Table {
  readonly title: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

interface Column {
  readonly head: string
  readonly cell: (row: Row, nginx: Row | undefined) => string
}

export function tablesOf(results: Results): readonly Table[] {
  return SCENARIOS.flatMap(({ name, title, transports }) =>
    transports.flatMap((transport) => {
      const rows = results.rows.filter(
        (row) => row.scenario === name && row.transport === transport,
      )
      if (rows.length === 0) return []
      const nginx = findRow(results, { scenario: name, transport, subject: 'nginx' })
      const columns = columnsOf(name)
      return [
        {
          title: `${title}, ${transport === 'tls' ? 'TLS' : 'plain'} upstream`,
          header: ['subject', ...columns.map(({ head }) => head)],
          rows: rows.map((row) => [row.subject, ...columns.map(({ cell }) => cell(row, nginx))]),
        },
      ]
    }),
  )
}

function columnsOf(scenario: string): readonly Column[] {
  switch (scenario) {
    case 'half':
      return [median('requests/s', 'perSecond', 0), ...ADDED]
    case 'events':
      return [...ADDED, median('p50 ms', 'p50Ms', 2), median('p99 ms', 'p99Ms', 2)]
    case 'slow':
      return [
        median('quiet p99 ms', 'quietP99Ms', 2),
        median('p99 ms', 'p99Ms', 2),
        median('times', 'times', 2),
        median('failed', 'failed', 0),
        median('open', 'open', 0),
        median('shed', 'shed', 0),
        median('kB each', 'kilobytes', 1),
      ]
    default:
      return SATURATED
  }
}

const ADDED: readonly Column[] = [
  ranged('added p50 ms', 'addedP50Ms', 2),
  ranged('added p99 ms', 'addedP99Ms', 2),
  median('added p99.9 ms', 'addedP999Ms', 2),
]

const SATURATED: readonly Column[] = [
  ranged('CPU us/request', 'cpuMicros', 1),
  { head: 'of nginx', cell: (row, nginx) => ratio(row, nginx) },
  median('requests/s', 'perSecond', 0),
  {
    head: 'core',
    cell: ({ figures }) => `${((figures['coreShare']?.median ?? 0) * 100).toFixed(0)} %`,
  },
  median('p50 ms', 'p50Ms', 2),
  median('p99 ms', 'p99Ms', 2),
  median('p99.9 ms', 'p999Ms', 2),
  median('MB idle', 'idleMegabytes', 0),
  median('MB after', 'residentMegabytes', 0),
]

function ratio(row: Row, nginx: Row | undefined): string {
  const ours = row.figures['cpuMicros']
  const least = nginx?.figures['cpuMicros']
  return ours && least ? (ours.median / least.median).toFixed(2) : ''
}

function median(head: string, figure: string, digits: number): Column {
  return { head, cell: ({ figures }) => figures[figure]?.median.toFixed(digits) ?? '' }
}

function ranged(head: string, figure: string, digits: number): Column {
  return {
    head,
    cell: ({ figures }) => {
      const spread: Spread | undefined = figures[figure]
      if (!spread) return ''
      const { low, high } = spread
      return `${spread.median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`
    },
  }
}

/** For a terminal. */
export function formatText({ title, header, rows }: Table): string {
  const widths = header.map((head, index) =>
    Math.max(head.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((text, index) =>
        index === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[index] ?? 0),
      )
      .join('  ')
  return ['', title, line(header), ...rows.map(line)].join('\n')
}

/** For a page. */
export function formatMarkdown({ header, rows }: Omit<Table, 'title'>): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(header),
    `|---|${header
      .slice(1)
      .map(() => '---:|')
      .join('')}`,
    ...rows.map(line),
  ].join('\n')
}
