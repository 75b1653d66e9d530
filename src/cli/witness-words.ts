/** How a witness says that a server's audit is not the one that it was. */

import { plain } from './table.ts'
import type { Terminal } from './terminal.ts'
import type { Doubt } from './witness-judgement.ts'

export interface Warning {
  readonly server: string
  readonly doubts: readonly Doubt[]
  /** Where the proof is. */
  readonly path: string
}

export function warningInWords(
  { server, doubts, path }: Warning,
  colors: Terminal['colors'],
): string {
  return [
    colors.red(`WARNING: the audit of ${plain(server)} was cut or rewritten`),
    ...doubts.map(({ message }) => `  ${plain(message)}`),
    `What was seen before is kept in ${path}. Copy the server's audit directory, then:`,
    `  apistronghold audit verify DIR --since-checkpoint ${path}`,
    'Only if the log was reset on purpose: apistronghold audit checkpoint --forget',
  ].join('\n')
}

export function warningAsJson({ server, doubts, path }: Warning): string {
  const findings = doubts.map(({ kind, origin, message }) => ({ kind, origin, message }))
  const message = `the audit of ${server} was cut or rewritten`
  return JSON.stringify({ warning: { code: 'audit_doubtful', message, findings, kept: path } })
}
