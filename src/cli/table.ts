/** Aligned columns for people. Cells come from a server, so nothing in them may steer a terminal. */

import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from './terminal.ts'

export type Row = readonly (string | undefined)[]

/** The text of a table with a header line; `empty` when there are no rows. */
export function formatTable(
  { colors }: Pick<Terminal, 'colors'>,
  header: readonly string[],
  rows: readonly Row[],
): string {
  const cells = rows.map((row) => header.map((_name, column) => plain(row[column] ?? '')))
  const widths = header.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [colors.dim(line(header)), ...cells.map(line)].join('\n')
}

/** On one line, without control characters, direction marks or endless length. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
    .slice(0, 200)
}
