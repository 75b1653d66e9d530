/**
 * Page cursors under a MAC, so that a store only ever sees positions that it gave out itself.
 * A cursor belongs to one list with one filter; anywhere else it is as wrong as a forged one.
 */

import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from '../base/result.ts'
import type { ApiProblem } from './problem.ts'

export interface Cursors {
  seal(list: string, position: string): string
  open(list: string, cursor: string): Result<string, ApiProblem>
}

interface Paged<T> {
  readonly items: readonly T[]
  readonly nextCursor?: string
}

const MAC_BYTES = 16

/** Reads one page of a named list, with the store's positions opened and sealed on the way. */
export async function readPage<T>(
  cursors: Cursors,
  { list, cursor }: { readonly list: string; readonly cursor: string | undefined },
  read: (position: { readonly cursor?: string }) => Promise<Paged<T>>,
): Promise<Result<Paged<T>, ApiProblem>> {
  const position = cursor === undefined ? undefined : cursors.open(list, cursor)
  if (position?.ok === false) return position
  const { items, nextCursor } = await read(position ? { cursor: position.value } : {})
  return ok({ items, ...(nextCursor ? { nextCursor: cursors.seal(list, nextCursor) } : {}) })
}

export function createCursors(key: KeyObject): Cursors {
  const macOf = (list: string, position: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([list, position]))
      .digest()
      .subarray(0, MAC_BYTES)

  return {
    seal: (list, position) =>
      Buffer.concat([macOf(list, position), Buffer.from(position)]).toString('base64url'),
    open: (list, cursor) => {
      const bytes = Buffer.from(cursor, 'base64url')
      const position = bytes.subarray(MAC_BYTES).toString()
      const isOurs =
        bytes.length > MAC_BYTES &&
        bytes.toString('base64url') === cursor &&
        timingSafeEqual(bytes.subarray(0, MAC_BYTES), macOf(list, position))
      return isOurs
        ? ok(position)
        : err({
            code: 'cursor_invalid',
            detail: 'The cursor is not one of this list with these filters: start without one.',
          })
    },
  }
}
