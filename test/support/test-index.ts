/** The audit's index over a journal of a test, in this very thread. */

import type { KeyedFinding } from '../../src/insight/alert.ts'
import type { Watch } from '../../src/insight/watch.ts'
import { startAuditIndex, type LocalAuditIndex } from '../../src/storage/audit-index/audit-index.ts'
import type { Log } from '../../src/base/log.ts'

export interface TestIndex {
  readonly path: string
  /** Events of the operational log, in order. */
  readonly events: readonly string[]
  /** Every batch of findings that was handed over. */
  readonly found: readonly (readonly KeyedFinding[])[]
  start(createWatch?: (learnt: ReadonlyMap<string, unknown>) => Watch): LocalAuditIndex
  /** Closes all that were started. */
  close(): Promise<void>
}

export const NO_WATCH: Watch = { observe: () => [], takeLearnt: () => new Map() }

export function createTestIndex(directory: string, path = `${directory}-index.db`): TestIndex {
  const events: string[] = []
  const found: (readonly KeyedFinding[])[] = []
  const started: LocalAuditIndex[] = []
  const note = (event: string) => void events.push(event)
  const log: Log = { debug: note, info: note, warn: note, error: note }
  return {
    ...{ path, events, found },
    start(createWatch = () => NO_WATCH) {
      const index = startAuditIndex({
        ...{ directory, path, log, createWatch },
        onFindings: (findings) => void found.push(findings),
      })
      started.push(index)
      return index
    },
    async close() {
      for (const index of started) await index.close()
    },
  }
}
