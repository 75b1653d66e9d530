import { createMemoryAuditLog } from '../support/audit.ts'
import { createMemoryAuditIndex } from '../support/audit-index.ts'
import { NOW } from '../support/grants.ts'
import { createTestIndex } from '../support/test-index.ts'
import { createTestJournal } from '../support/journal.ts'
import { auditIndexContract } from './audit-index.ts'

auditIndexContract('the memory', async () => {
  const clock = { now: NOW }
  const audit = createMemoryAuditLog(() => clock.now)
  return {
    ...{ clock, log: audit.log, records: audit.records },
    index: createMemoryAuditIndex(audit),
    remove: async () => undefined,
  }
})

auditIndexContract('the index over the journal', async () => {
  const journal = createTestJournal()
  const index = createTestIndex(journal.directory)
  const log = await journal.open()
  return {
    ...{ log, clock: journal.clock, records: journal.records, index: index.start() },
    remove: async () => {
      await index.close()
      await journal.remove()
    },
  }
})
