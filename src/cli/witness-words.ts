/** How a witness says that a server's audit is not the one that it was. */

import { plain } from './table.ts'
import type { Terminal } from './terminal.ts'
import { formatMoment } from './moments.ts'
import { isLasting, type Doubt } from './witness-doubt.ts'
import type { KeptDoubt } from './witness-file.ts'

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
    colors.red(`WARNING: ${headline(server, doubts)}`),
    ...doubts.map(({ message }) => `  ${plain(message)}`),
    `What was seen before is kept in ${path}. Copy the server's audit directory, then:`,
    `  apistronghold audit verify DIR --since-checkpoint ${path}`,
    'Only if the log was reset on purpose: apistronghold audit checkpoint --forget',
  ].join('\n')
}

export function warningAsJson({ server, doubts, path }: Warning): string {
  const findings = doubts.map(({ kind, origin, message }) => ({ kind, origin, message }))
  const message = headline(server, doubts)
  return JSON.stringify({ warning: { code: 'audit_doubtful', message, findings, kept: path } })
}

/** What an earlier command found, in one line. */
export function reminderInWords(
  { server, doubts }: Pick<Warning, 'server'> & { readonly doubts: readonly KeptDoubt[] },
  colors: Terminal['colors'],
): string {
  const [first] = doubts
  const others = doubts.length > 1 ? `, and ${doubts.length - 1} more` : ''
  const found = first ? ` on ${formatMoment(first.at)}: ${plain(first.message)}${others}` : ''
  return colors.red(
    `WARNING: the audit of ${plain(server)} was found cut or rewritten${found} (see \`apistronghold audit checkpoint\`)`,
  )
}

const headline = (server: string, doubts: readonly Doubt[]): string =>
  doubts.some(isLasting)
    ? `the audit of ${plain(server)} was cut or rewritten`
    : `the audit of ${plain(server)} may have been cut or rewritten`
