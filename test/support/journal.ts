/** A journal in a temporary directory, with faults to order and ways to look at its files. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditRecord } from '../../src/audit/audit-reader.ts'
import { silentLog } from '../../src/base/log.ts'
import { openJournal, type Journal, type JournalParts } from '../../src/storage/journal/journal.ts'
import { AUDIT_KEY } from './audit.ts'
import { createFaults, type Faults } from './faulty-files.ts'
import { NOW } from './grants.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary.ts'

export interface TestJournal {
  readonly directory: string
  /** The writer's own directory. */
  readonly own: string
  readonly files: Faults
  /** The clock: change it at will. */
  readonly clock: { now: number }
  readonly open: (parts?: Partial<JournalParts>) => Promise<Journal>
  readonly segments: () => readonly string[]
  /** All records of this writer in order. */
  readonly records: () => readonly AuditRecord[]
  readonly remove: () => Promise<void>
}

/** `directory` is removed at the end too. */
export function createTestJournal(
  temporary: TemporaryDirectory = createTemporaryDirectory(),
): TestJournal {
  const directory = join(temporary.path, 'audit')
  const own = join(directory, 'local')
  const files = createFaults()
  const clock = { now: NOW }
  const opened: Journal[] = []
  const segments = () =>
    readdirSync(own)
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
  return {
    directory,
    own,
    files,
    clock,
    segments,
    async open(parts = {}) {
      const journal = await openJournal({
        ...{ directory, environment: 'production', writer: 'local', log: silentLog },
        ...{ hashKey: AUDIT_KEY, now: () => clock.now, thread: files.thread },
        ...parts,
      })
      opened.push(journal)
      return journal
    },
    records: () =>
      segments()
        .flatMap((name) => readFileSync(join(own, name), 'utf8').replace(/\0.*/s, '').split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditRecord),
    async remove() {
      files.heal()
      for (const journal of opened) await journal.close()
      temporary.remove()
    },
  }
}
