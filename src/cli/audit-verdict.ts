/** What `audit verify` found, as a table with a line for each log, and what is wrong below it. */

import type { Finding } from '../audit-files/finding.ts'
import type { AuditVerdict } from '../audit-files/verify.ts'
import type { WriterVerdict } from '../audit-files/writer-verdict.ts'
import { columns, paragraph, type Column, type Paper } from './report-paper.ts'
import { formatMoment } from './moments.ts'

export interface ToldVerdict extends AuditVerdict {
  readonly directory: string
  readonly seconds: number
}

const HEADER: readonly Column[] = [
  { name: 'writer', yields: true },
  { name: 'records', align: 'right' },
  { name: 'segments', align: 'right' },
  { name: 'first' },
  { name: 'last' },
  { name: 'signed', align: 'right' },
  { name: 'verdict' },
]

export function formatVerdict(paper: Paper, told: ToldVerdict): string {
  const { colors } = paper
  const wrong = [...told.findings, ...told.writers.flatMap(({ findings }) => findings)]
  return [
    columns(paper, HEADER, told.writers.map(rowOf)),
    ...(wrong.length > 0 ? ['', ...wrong.map((one) => paragraph(paper, sentenceOf(one)))] : []),
    '',
    ...remarksOf(told).map((words) => paragraph(paper, words)),
    told.isIntact
      ? colors.green(`intact: ${speedOf(told)}`)
      : colors.red(`NOT intact: ${wrong.length} found; ${speedOf(told)}`),
  ].join('\n')
}

function rowOf(one: WriterVerdict): string[] {
  return [
    ...[one.writer, String(one.records), String(one.segments)],
    ...[momentOf(one.firstAt), momentOf(one.lastAt)],
    ...[one.checkpoint === undefined ? '-' : String(one.checkpoint)],
    one.findings.length === 0 ? 'intact' : one.findings.map(({ kind }) => kind).join(', '),
  ]
}

const momentOf = (time: string | undefined): string => {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? '-' : formatMoment(at)
}

const sentenceOf = ({ writer, message, isCertain }: Finding): string =>
  `${writer}: ${message}${isCertain ? '' : ' (not proven by a signature)'}`

function remarksOf(told: ToldVerdict): readonly string[] {
  const { writers, retiredOnRecord, keyFrom, others, torn } = told
  return [
    ...writers.flatMap((one) => [
      ...retirementsOf(one, retiredOnRecord[one.writer] ?? 0),
      ...remarksOnWriter(one),
    ]),
    ...others.map((origin) => `not compared: a kept checkpoint of another log, ${origin}`),
    ...torn.map((name) => tornRemark(name)),
    keyFrom === 'directory'
      ? 'The public key came from the same place as the log: whoever rewrote the log could have replaced both. Give --public-key or --since-checkpoint with what was kept elsewhere.'
      : `The public key: ${told.publicKey}`,
  ]
}

/** Of a kept file. */
export function tornRemark(name: string): string {
  return `${name}: its last note is torn, as by a crash, and was left out`
}

function retirementsOf({ writer, retired }: WriterVerdict, onRecord: number): readonly string[] {
  const known = Math.min(retired, onRecord)
  return known > 0 ? [`${writer}: records 1 to ${known} are retired, their hashes kept`] : []
}

function remarksOnWriter(one: WriterVerdict): readonly string[] {
  const { writer, records, verified, tornBytes } = one
  return [
    ...(records > verified && one.findings.length === 0
      ? [`${writer}: records from ${verified + 1} on are not covered by a checkpoint yet`]
      : []),
    ...(tornBytes > 0
      ? [
          `${writer}: the last ${tornBytes} bytes are no whole line: being written, or torn by a crash`,
        ]
      : []),
  ]
}

function speedOf({ writers, bytes, seconds }: ToldVerdict): string {
  const records = writers.reduce((sum, one) => sum + one.records - one.retired, 0)
  const perSecond = Math.round(records / Math.max(seconds, 0.001))
  return `${records} records, ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s (${perSecond}/s)`
}
