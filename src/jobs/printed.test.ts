import { expect, it } from 'vitest'
import { aNotice } from '../../test/support/alerts.ts'
import { formatNotice } from './notice.ts'
import { createPrinted, type PrintLine } from './printed.ts'

const never = new AbortController().signal
const target = (print: PrintLine) =>
  createPrinted({ name: 'stdout', wants: { minScore: 0 }, print, timeoutMs: 50 })

it('prints an alert as one line of JSON', async () => {
  const lines: string[] = []
  const notice = aNotice()
  const sent = await target(async (line) => void lines.push(line)).deliver(notice, never)
  expect([sent.ok, lines]).toEqual([true, [formatNotice(notice)]])
})

it.each<[string, PrintLine]>([
  ['has gone', () => Promise.reject(new Error('EPIPE'))],
  ['does not read', () => new Promise(() => undefined)],
])('is not delivered when the reader %s', async (_case, print) => {
  expect(await target(print).deliver(aNotice(), never)).toEqual({
    ok: false,
    error: { problem: 'nobody reads standard output' },
  })
})
