import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { aRequestId } from '../support/audit.ts'
import { createTestJournal } from '../support/journal.ts'

const CHILD = join(import.meta.dirname, 'audit-log-child.ts')
const ROUNDS = 10

/** Runs the child until it has acknowledged so many intents, kills it, and gives all it said. */
async function writeAndKill(directory: string, first: number, count: number): Promise<number[]> {
  const child = spawn(process.execPath, [CHILD, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const acknowledged: number[] = []
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(Number(line))
    if (acknowledged.length === count) child.kill('SIGKILL')
  }
  await exited
  return acknowledged
}

it('AU-01 kill -9 loses no acknowledged intent, and each next start is sound', async () => {
  const journal = createTestJournal()
  const acknowledged = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    // Enough for rotations, and never the same moment.
    const numbers = await writeAndKill(journal.directory, round * 100_000, 40 + round * 97)
    expect(numbers.length).toBeGreaterThan(39)
    for (const number of numbers) acknowledged.add(aRequestId(number))
  }
  const last = await journal.open()
  await last.close()

  const records = journal.records()
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
  const idsOf = (kind: string) =>
    records.filter((record) => record.kind === kind).map(({ requestId }) => String(requestId))
  const intents = new Set(idsOf('intent'))
  expect([...acknowledged].filter((id) => !intents.has(id))).toEqual([])
  expect(idsOf('outcome').toSorted()).toEqual([...intents].toSorted())
  expect(journal.segments().length).toBeGreaterThan(1)
  await journal.remove()
}, 60_000)
