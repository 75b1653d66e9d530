import { createTestIndex } from '../support/test-index.ts'
import { createMemoryAuditLog } from '../support/audit.ts'
import { createTestJournal } from '../support/journal.ts'
import { auditLogContract } from './audit-log.ts'

auditLogContract('the memory', async () => {
  const audit = createMemoryAuditLog()
  return {
    log: audit.log,
    reader: audit.reader,
    records: async () => audit.records(),
    breakDisk: audit.fail,
    mendDisk: audit.recover,
    remove: async () => undefined,
  }
})

auditLogContract('the journal', async () => {
  const journal = createTestJournal()
  const index = createTestIndex(journal.directory)
  return {
    log: await journal.open(),
    reader: index.start(),
    records: async () => journal.records().filter(({ kind }) => kind !== 'segment'),
    breakDisk: () => {
      journal.files.fault('write', 'ENOSPC')
    },
    mendDisk: journal.files.heal,
    remove: async () => {
      await index.close()
      await journal.remove()
    },
  }
})
