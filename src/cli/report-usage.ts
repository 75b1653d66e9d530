/** Usage as text: one line for each group, the busiest first, and the sum. */

import type { ActivitySums, UsageReport } from '../../sdk/src/client.ts'
import { columns, leftOut, paragraph, type Column, type Paper } from './report-paper.ts'
import { amountWords, byteWords, coverageWords, modelTokenWords } from './report-words.ts'

const SHOWN = 100

export function usageText(paper: Paper, { coverage, by, rows, total }: UsageReport): string {
  const shown = rows.items.slice(0, SHOWN)
  const lines = shown.map((row) => [...row.keys.map((key) => key || '-'), ...sumCells(row)])
  const sum = by.map((_key, index) => (index === 0 ? 'all' : ''))
  // What may be as long as a path gives way first.
  const wide = by.includes('operation') ? 'operation' : by[0]
  const header: Column[] = [
    ...by.map((name) => ({ name, ...(name === wide ? { yields: true } : {}) })),
    ...['calls', 'failed', 'refused', 'sent', 'received'].map((name) => ({
      name,
      align: 'right' as const,
    })),
    { name: 'model tokens' },
    { name: 'money' },
  ]
  const kept = withoutSome(paper, header, [...lines, [...sum, ...sumCells(total)]])
  return [
    paper.colors.bold('Usage'),
    paragraph(paper, coverageWords(coverage), ''),
    '',
    rows.total === 0 ? '  no requests' : columns(paper, kept.header, kept.rows),
    ...leftOut(shown.length, rows.total),
  ].join('\n')
}

export function sumCells(sums: ActivitySums): string[] {
  return [
    String(sums.calls),
    sums.failed === 0 ? '' : String(sums.failed),
    sums.refused === 0 ? '' : String(sums.refused),
    byteWords(sums.requestBytes),
    byteWords(sums.responseBytes),
    modelTokenWords(sums),
    amountWords(sums.amounts),
  ]
}

const ROOMY = 110

/** A column in which nothing stands says nothing; what matters least needs a wide terminal. */
function withoutSome(
  { columns: width }: Paper,
  header: readonly Column[],
  rows: readonly (readonly string[])[],
) {
  const isKept = header.map(
    ({ name }, index) =>
      rows.some((row) => row[index] !== '') &&
      (width >= ROOMY || !['sent', 'received'].includes(name)),
  )
  return {
    header: header.filter((_column, index) => isKept[index]),
    rows: rows.map((row) => row.filter((_cell, index) => isKept[index])),
  }
}
