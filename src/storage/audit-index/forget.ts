/** Takes out of the index what is no longer in the journal, or was never meant to stay there. */

import { hourOf, recount } from './activity-sums.ts'
import type { IndexDatabase } from './database.ts'

/** Removes what a segment's lines said; what later lines say of its requests goes with them. */
export function forgetSegment(database: IndexDatabase, segment: number): void {
  database.transaction(() => {
    const bounds = database.get('SELECT oldest, newest FROM segment WHERE id = ?', segment)
    if (!bounds) return
    const hours = hoursOf(database, segment)
    const removed = database.run(
      DELETE,
      Number(bounds['oldest']),
      Number(bounds['newest']),
      segment,
    )
    database.run(OPEN_AGAIN, Number(bounds['newest']), segment)
    for (const hour of hours) recount(database, hour)
    database.run(FROM_ITS_START, segment)
    database.run('DELETE FROM segment WHERE id = ?', segment)
    database.run("UPDATE meta SET value = value - ? WHERE name = 'records'", removed)
  })
}

/** Where it was the one being read. */
const FROM_ITS_START = `
UPDATE writer SET offset = 0, seq = writer.first - 1
FROM segment WHERE segment.id = ? AND writer.id = segment.writer AND writer.first = segment.first`

const DELETE = 'DELETE FROM record WHERE time >= ? AND time <= ? AND segment = ?'

/** Ends are looked for no further back than a request may last. */
const LONGEST_MS = 24 * 3_600_000

const OPEN_AGAIN = `
UPDATE record SET end_segment = NULL, end_offset = NULL, end_length = NULL, status = NULL,
  request_bytes = NULL, response_bytes = NULL, input_tokens = NULL, output_tokens = NULL,
  amount = NULL, currency = NULL, failed = NULL
WHERE time >= ?1 - ${LONGEST_MS} AND time <= ?1 AND end_segment = ?2`

/** Hours with rows or ends of this segment. */
function hoursOf(database: IndexDatabase, segment: number): readonly number[] {
  const rows = database.all(
    `SELECT DISTINCT record.time / 3600000 AS hour FROM record, segment
     WHERE segment.id = ? AND record.time >= segment.oldest - ${LONGEST_MS}
       AND record.time <= segment.newest
       AND (record.segment = segment.id OR record.end_segment = segment.id)`,
    segment,
  )
  return rows.map(({ hour }) => hourOf(Number(hour) * 3_600_000))
}
