/** Where a page of an answer ended, for each writer: plain text, since the API makes it tamper-proof. */

import { Failure } from '../../base/errors.ts'
import { isWriterName } from './segment.ts'

/** Where in a writer's segments to go on. */
export interface Position {
  /** First sequence number of the segment. */
  readonly first: number
  readonly offset: number
}

export type Positions = ReadonlyMap<string, Position>

export function formatCursor(positions: Positions): string {
  const places = [...positions].map(([writer, { first, offset }]) => [writer, first, offset])
  return Buffer.from(JSON.stringify(places)).toString('base64url')
}

/** Throws `usage_invalid` for text that is no cursor of ours. */
export function parseCursor(text: string): Positions {
  const places = parseJson(Buffer.from(text, 'base64url').toString('utf8'))
  if (!Array.isArray(places)) throw notOurs()
  return new Map(places.map(parsePlace))
}

function parsePlace(place: unknown): [string, Position] {
  if (!Array.isArray(place) || place.length !== 3) throw notOurs()
  const [writer, first, offset] = place as readonly unknown[]
  const isPlace = typeof writer === 'string' && isWriterName(writer)
  if (!isPlace || !isCount(first) || !isCount(offset)) throw notOurs()
  return [writer, { first, offset }]
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notOurs()
  }
}

const notOurs = () => new Failure('usage_invalid', 'the cursor is not one that we gave')
