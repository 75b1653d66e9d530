/**
 * A process that writes intents as fast as it can until it is killed. It says each id on standard
 * output only after the journal has acknowledged it. Arguments: the directory, the first number.
 */

import { writeSync } from 'node:fs'
import { silentLog } from '../../src/base/log.ts'
import { openJournal } from '../../src/storage/journal/journal.ts'
import { anOutcome, AUDIT_KEY, aRequestId, intentOf } from '../support/audit.ts'

const [directory = '', first = '0'] = process.argv.slice(2)
const journal = await openJournal({
  ...{ directory, environment: 'production', writer: 'local', hashKey: AUDIT_KEY },
  ...{ log: silentLog, now: Date.now, segmentBytes: 64 * 1024 },
})

let next = Number(first)

async function client(): Promise<never> {
  for (;;) {
    const number = next++
    await journal.intent(intentOf(number))
    writeSync(1, `${number}\n`)
    if (number % 3 > 0) journal.outcome(anOutcome({ requestId: aRequestId(number) }))
  }
}

await Promise.all(Array.from({ length: 16 }, client))
