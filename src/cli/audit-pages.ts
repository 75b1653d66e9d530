/** A reading of the audit, page after page, and what is to be said of its index. */

import type { AuditFilter, AuditIndexState, AuditPage, Client } from '../../sdk/src/client.ts'
import { formatMoment } from './moments.ts'
import type { Session } from './session.ts'
import { plain } from './table.ts'

const PAGE = 1000

/** Pages up to `limit` records in all, from the filter's cursor on; absent: all there are. */
export async function* readPages(
  { audit }: Client,
  filter: AuditFilter,
  limit = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<AuditPage> {
  let left = limit
  for (let { cursor } = filter; ;) {
    const next = cursor === undefined ? {} : { cursor }
    const page = await audit.query({ ...filter, ...next, limit: Math.min(PAGE, left) })
    yield page
    left -= page.items.length
    cursor = page.nextCursor
    if (cursor === undefined || left <= 0) return
  }
}

/** Says so when records are missing, or the newest ones may be. */
export function noteLag({ terminal }: Session, index: AuditIndexState): void {
  const lag = lagOf(index)
  if (lag !== undefined) terminal.note(`${lag}: the newest records may be missing`)
  const missing = missingWords(index)
  if (missing !== undefined) terminal.note(missing)
}

/** Undefined when all are there that retention did not remove. */
export function missingWords({ missing = [] }: AuditIndexState): string | undefined {
  const [first, ...others] = missing
  if (!first) return undefined
  const more = others.length > 0 ? `, and ${others.length} more ranges,` : ''
  return `records ${first.first} to ${first.last} of ${plain(first.writer)}${more} are missing, and no retirement says so`
}

/** Says so when the time that was asked for begins before what is still there. */
export function noteRetired(
  { terminal }: Session,
  { retiredBefore }: AuditIndexState,
  since: number | undefined,
): void {
  if (retiredBefore === undefined || (since !== undefined && since >= retiredBefore)) return
  const moment = formatMoment(retiredBefore)
  terminal.note(`records before ${moment} were retired, all or some of them (audit.retention)`)
}

/** A few records that are being written are no lag. */
const LITTLE_BYTES = 1024 * 1024

function lagOf({ problem, isRebuilding, behindBytes }: AuditIndexState): string | undefined {
  const behind = `${Math.ceil(behindBytes / LITTLE_BYTES)} MiB behind the journal`
  if (problem !== undefined) return `the index stands still (${problem}), ${behind}`
  if (isRebuilding) return `the index is being built, ${behind}`
  return behindBytes > LITTLE_BYTES ? `the index is ${behind}` : undefined
}
