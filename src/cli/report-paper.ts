/** Text of reports: headings, wrapped sentences and columns that fit the terminal, risks in colour. */

import type { Risk } from '../../sdk/src/client.ts'
import { plain } from './table.ts'
import type { Colors, Terminal } from './terminal.ts'

export type Paper = Pick<Terminal, 'colors' | 'columns'>

export interface Column {
  readonly name: string
  readonly align?: 'right'
  /** Gives way when the line is too long; cut with an ellipsis. One of a table. */
  readonly yields?: boolean
  /** Puts colour around a cell that is already of its final width. */
  readonly paint?: (cell: string) => string
}

/** Longer than the longest token id; what yields never gets narrower. */
const NARROWEST = 12
const GAP = '  '
const INDENT = '  '

export function heading({ colors }: Paper, text: string): string {
  return `\n${colors.bold(text)}`
}

/** Under a heading: a paragraph, with every line indented by two columns, or more. */
export function paragraph(paper: Paper, text: string, indent = INDENT): string {
  const width = Math.max(40, paper.columns - indent.length)
  const lines: string[] = []
  let line = ''
  for (const word of plainLong(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length > width && line !== '') {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].map((one) => `${indent}${one}`).join('\n')
}

/** Under a heading: aligned columns. Cells lose what could steer a terminal. */
export function columns(
  { colors, columns: width }: Paper,
  header: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) => header.map((_column, index) => plain(row[index] ?? '')))
  const widths = fit(header, cells, width - INDENT.length)
  const line = (row: readonly string[], paint: boolean) =>
    INDENT +
    header
      .map((column, index) => {
        const cell = padded(row[index] ?? '', widths[index] ?? 0, column)
        return paint && column.paint ? column.paint(cell) : cell
      })
      .join(GAP)
      .trimEnd()
  const names = header.map(({ name }) => name)
  return [colors.dim(line(names, false)), ...cells.map((row) => line(row, true))].join('\n')
}

function fit(header: readonly Column[], cells: readonly string[][], width: number): number[] {
  const widths = header.map(({ name }, index) =>
    Math.max(name.length, ...cells.map((row) => (row[index] ?? '').length)),
  )
  const total = widths.reduce((sum, one) => sum + one, GAP.length * (header.length - 1))
  const index = header.findIndex(({ yields }) => yields)
  const yielding = widths[index]
  if (yielding !== undefined && total > width)
    widths[index] = Math.max(Math.min(yielding, NARROWEST), yielding - (total - width))
  return widths
}

function padded(cell: string, width: number, { align }: Column): string {
  const cut = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell
  return align === 'right' ? cut.padStart(width) : cut.padEnd(width)
}

/** As `plain`, for sentences and commands, which are longer than a cell and never cut. */
export function plainLong(text: string): string {
  const pieces = text.match(/[\s\S]{1,200}/g) ?? []
  return pieces.map(plain).join('')
}

/** A numbered paragraph: the number stands out to the left of its lines. */
export function numbered(paper: Paper, number: number, text: string): string {
  const indent = INDENT.repeat(3)
  const mark = `${INDENT}${number}.`.padEnd(indent.length)
  return mark + paragraph(paper, text, indent).slice(indent.length)
}

/** Rows without one of their columns, where it says the same in all of them. */
export function withoutColumn(
  name: string,
  header: readonly Column[],
  rows: readonly (readonly string[])[],
): { readonly header: readonly Column[]; readonly rows: readonly (readonly string[])[] } {
  const index = header.findIndex((column) => column.name === name)
  if (new Set(rows.map((row) => row[index])).size > 1) return { header, rows }
  return { header: header.toSpliced(index, 1), rows: rows.map((row) => row.toSpliced(index, 1)) }
}

/** Colours of a risk; nothing where there are no colours. */
export function riskPaint({ colors }: Paper): (cell: string) => string {
  return (cell) => paintOf(colors, cell.trim())(cell)
}

function paintOf(colors: Colors, risk: string): (text: string) => string {
  switch (risk as Risk) {
    case 'read':
      return colors.green
    case 'write':
      return colors.cyan
    case 'destructive':
      return colors.yellow
    case 'admin':
      return colors.magenta
    case 'money':
    case 'secrets':
      return colors.red
    default:
      return (text) => text
  }
}

/** `3 tokens`, `1 token`. */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}

/** A line that says what a cut list leaves out; nothing where it leaves nothing out. */
export function leftOut(shown: number, total: number): string[] {
  return total > shown ? [`${INDENT}... and ${total - shown} more: --format json has them`] : []
}
