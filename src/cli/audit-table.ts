/** Records of all kinds as a table for people; what a kind does not have stays empty. */

import type { AuditRecord } from '../../sdk/src/client.ts'
import { operationOf, resultOf, textOf, timeOf } from './audit-record.ts'
import { formatLocal, localZone } from './moments.ts'
import { columns, type Column, type Paper } from './report-paper.ts'
import { plain } from './table.ts'

/** Request ids are long: a narrower terminal needs the room for what happened. */
const ROOM_FOR_IDS = 140
const ROOM_FOR_DATES = 100

/** Between the time and the request's id. */
const FIELDS = ['agent', 'decision', 'operation', 'result'] as const

export function recordTable(paper: Paper, records: readonly AuditRecord[]): string {
  const hasIds = paper.columns >= ROOM_FOR_IDS
  const header: Column[] = [
    { name: `time (${localZone()})` },
    ...FIELDS.map((name) => columnOf(paper, name)),
    ...(hasIds ? [{ name: 'request' }] : []),
  ]
  return columns(
    paper,
    header,
    records.map((record) => cellsOf(paper, record)),
  )
}

/** The same columns, a line at a time: widths cannot wait for what has not happened yet. */
export function recordLine(paper: Paper, record: AuditRecord): string {
  const [time = '', agent = '', decision = '', operation = '', result = ''] = cellsOf(
    paper,
    record,
  ).map(plain)
  const paint = columnOf(paper, 'decision').paint ?? String
  const taken = time.length + AGENT_WIDTH + 5 + RESULT_WIDTH + 10
  const cells = [
    time,
    padded(agent, AGENT_WIDTH),
    paint(decision.padEnd(5)),
    padded(operation, Math.max(20, paper.columns - taken)),
    padded(result, RESULT_WIDTH),
  ]
  return `  ${cells.join('  ').trimEnd()}`
}

const AGENT_WIDTH = 22
const RESULT_WIDTH = 22

const padded = (cell: string, width: number): string =>
  (cell.length > width ? `${cell.slice(0, width - 1)}…` : cell).padEnd(width)

function cellsOf(paper: Paper, record: AuditRecord): string[] {
  const { agent, operator, decision, requestId } = record
  const time = formatLocal(timeOf(record))
  return [
    paper.columns >= ROOM_FOR_DATES ? time : time.slice(5),
    textOf(agent) || textOf(operator),
    textOf(decision),
    operationOf(record),
    resultOf(record),
    textOf(requestId),
  ]
}

function columnOf({ colors }: Paper, name: (typeof FIELDS)[number]): Column {
  if (name === 'operation') return { name, yields: true }
  if (name === 'decision')
    return { name, paint: (cell) => (cell.trim() === 'deny' ? colors.red(cell) : cell) }
  if (name === 'result')
    return { name, paint: (cell) => (/^[45]\d\d\b/.test(cell) ? colors.yellow(cell) : cell) }
  return { name }
}
