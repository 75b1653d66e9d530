/** The forms in which records leave line by line. */

import type { AuditRecord } from '../../sdk/src/client.ts'
import { CSV_HEADER, formatCsv } from './audit-csv.ts'
import { formatOcsf } from './audit-ocsf.ts'
import { visibleJson } from './audit-record.ts'

export interface LineForm {
  /** Stands before the first record. */
  readonly header?: string
  /** One line for one record, without its end. */
  readonly format: (record: AuditRecord) => string
}

export const LINE_FORMS = {
  jsonl: { format: (record) => visibleJson(record) },
  csv: { header: CSV_HEADER, format: formatCsv },
  ocsf: { format: formatOcsf },
} as const satisfies Readonly<Record<string, LineForm>>

export type LineFormName = keyof typeof LINE_FORMS

export const LINE_FORM_NAMES = ['jsonl', 'csv', 'ocsf'] as const satisfies readonly LineFormName[]

export function isLineForm(name: string): name is LineFormName {
  return Object.hasOwn(LINE_FORMS, name)
}
