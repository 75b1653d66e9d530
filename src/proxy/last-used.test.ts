import { expect, it } from 'vitest'
import { silentLog } from '../base/log.ts'
import { createLastUsed } from './last-used.ts'

it('writes the last use of each grant once per batch, and again what could not be written', async () => {
  const written: ReadonlyMap<string, number>[] = []
  let isDown = true
  const touch = async (batch: ReadonlyMap<string, number>) => {
    if (isDown) throw new Error('down')
    written.push(batch)
  }
  const lastUsed = createLastUsed({ touch }, silentLog)
  await lastUsed.flush()
  lastUsed.note('tok_1', 1)
  lastUsed.note('tok_1', 2)
  lastUsed.note('tok_2', 3)
  await lastUsed.flush()
  lastUsed.note('tok_2', 4)
  isDown = false
  await lastUsed.flush()
  await lastUsed.flush()
  expect(written.map((batch) => [...batch])).toEqual([
    [
      ['tok_1', 2],
      ['tok_2', 4],
    ],
  ])
})
