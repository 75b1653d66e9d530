/** An alert as a message of RFC 5424, and its frame on a stream (RFC 6587 3.4.1). */

import type { AlertNotice } from '../insight/alert-target.ts'
import { formatNotice } from './notice.ts'

/** Who says it. */
export interface SyslogOrigin {
  readonly hostname: string
  readonly pid: number
}

const NIL = '-'
/** authpriv: security messages that not everybody may read. */
const FACILITY = 10
const SEVERITY = { critical: 2, error: 3, warning: 4, notice: 5 } as const

/** The message is JSON in ASCII, so that it needs no byte order mark and holds no line break. */
export function formatSyslog(notice: AlertNotice, { hostname, pid }: SyslogOrigin): string {
  const priority = FACILITY * 8 + severityOf(notice)
  const time = new Date(notice.at).toISOString()
  const messageId = notice.alert.rule
  const head = `<${priority}>1 ${time} ${printUsAscii(hostname, 255)} apistronghold ${pid} ${messageId} ${NIL}`
  return `${head} ${formatNotice(notice)}`
}

/** Octet counting: the length says where a message ends, whatever is in it. */
export function frameSyslog(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

function severityOf({ alert: { score }, isTest }: AlertNotice): number {
  if (isTest) return SEVERITY.notice
  if (score >= 0.9) return SEVERITY.critical
  return score >= 0.6 ? SEVERITY.error : SEVERITY.warning
}

function printUsAscii(text: string, limit: number): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, limit) || NIL
}
