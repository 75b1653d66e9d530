/** Whether the records behind the newest checkpoint are what a crash leaves, or more than that. */

import { glanceAt } from '../../audit/glance.ts'
import { readLines } from './lines.ts'
import type { Found } from './recovery.ts'
import { listSegments } from './segment.ts'

export interface Unsigned {
  /** The writer's own directory. */
  readonly directory: string
  /** Records that are signed for. */
  readonly size: number
  readonly found: Found
  /** Everything was signed for when the writer ended. */
  readonly isClosed: boolean
}

/** A checkpoint is due a second after a record, and without one nothing is written for long. */
const LIMIT_MS = 10_000

/** What a server writes last of all; where there is no seal, it tells as much. */
const STOP = '"action":"service.stop"'

export async function judgeUnsigned(
  unsigned: Unsigned,
): Promise<'as signed' | 'added' | 'unsigned'> {
  const { directory, size, found, isClosed } = unsigned
  if (isClosed) return 'added'
  if ((await recordAt(directory, size)).includes(STOP)) return 'added'
  const since = Date.parse(glanceAt(await recordAt(directory, size + 1))?.time ?? '')
  const newestAt = found.tail?.newestAt ?? 0
  return newestAt - since <= LIMIT_MS ? 'as signed' : 'unsigned'
}

const NOTHING = Buffer.alloc(0)

/** Nothing where it is not there, or not in its place. */
async function recordAt(directory: string, seq: number): Promise<Buffer> {
  const segment = (await listSegments(directory)).findLast(({ first }) => first <= seq)
  if (!segment) return NOTHING
  for await (const lines of readLines(segment.path))
    for (const { bytes } of lines) if (glanceAt(bytes)?.sequence === seq) return Buffer.from(bytes)
  return NOTHING
}
