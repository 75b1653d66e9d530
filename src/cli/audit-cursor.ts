/**
 * Where a reading goes on, as `audit query` prints it and takes it back. A cursor belongs to its
 * question, and `--since 24h` is another question at every moment: with one of these stands when it was
 * first asked.
 */

import type { SpanWords } from './audit-filter.ts'

export interface ReadingPlace {
  /** The API's; undefined at the beginning. */
  readonly cursor: string | undefined
  /** What spans before now are counted from. */
  readonly askedAt: number
}

const CURSOR = /^(?<askedAt>[1-9]\d{0,14})\.(?<cursor>[^]*)$/

/** Whatever else it is goes to the API, which says what is wrong with it. */
export function parseCursor(text: string | undefined, now: number): ReadingPlace {
  const { askedAt = now, cursor = text } = CURSOR.exec(text ?? '')?.groups ?? {}
  return { cursor, askedAt: Number(askedAt) }
}

export function formatCursor(cursor: string, askedAt: number, { since, until }: SpanWords): string {
  return since === undefined && until === undefined ? cursor : `${askedAt}.${cursor}`
}
