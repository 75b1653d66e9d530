/** Requests that were let in and whose end has not come by: remembered, else looked up. */

import type { Counted } from './activity-sums.ts'
import type { IndexDatabase } from './database.ts'
import { requestNumber } from './record-row.ts'

/** Finds the row of an intent. */
export interface RequestKey extends Counted {
  readonly writer: number
  readonly seq: number
}

const REMEMBERED = 100_000

export class OpenRequests {
  readonly #database: IndexDatabase
  readonly #known = new Map<string, RequestKey>()

  constructor(database: IndexDatabase) {
    this.#database = database
  }

  add(requestId: string, key: RequestKey): void {
    if (this.#known.size >= REMEMBERED) this.#forgetOldest()
    this.#known.set(requestId, key)
  }

  /** Undefined where the intent is not known, or has an end already. */
  take(requestId: string, writer: number): RequestKey | undefined {
    const key = this.#known.get(requestId)
    if (key?.writer !== writer) return this.#find(requestId, writer)
    this.#known.delete(requestId)
    return key
  }

  #find(requestId: string, writer: number): RequestKey | undefined {
    const row = this.#database.get(
      `SELECT time, seq, agent, token, operation, coalesce(source, '') AS source FROM record
       WHERE request = ? AND writer = ? AND end_offset IS NULL AND token IS NOT NULL`,
      ...[requestNumber(requestId), writer],
    )
    if (!row) return undefined
    const { time, seq, agent, token, operation, source } = row
    return {
      ...{ writer, time: Number(time), seq: Number(seq), agent: Number(agent) },
      ...{ token: Number(token), operation: Number(operation), source: String(source) },
    }
  }

  #forgetOldest(): void {
    for (const [oldest] of this.#known) {
      this.#known.delete(oldest)
      return
    }
  }
}
