/** An audit that keeps nothing: what stands in for the journal where its cost is measured. */

import type { Journal } from '../src/storage/journal/journal.ts'

const kept = Promise.resolve()

export async function openJournal(): Promise<Journal> {
  return {
    intent: () => kept,
    refusal: () => kept,
    change: () => kept,
    outcome: () => undefined,
    count: () => undefined,
    status: () => ({ writable: true, records: 0, bytes: 0 }),
    flush: () => kept,
    checkpoint: () => undefined,
    measure: async () => undefined,
    close: () => kept,
  }
}
