import { expect, it } from 'vitest'
import { aChange, AUDIT_KEY } from '../../test/support/audit.ts'
import { glanceAt } from '../audit/glance.ts'
import { createLineFormat, numbered } from '../audit/record.ts'
import { Retirements } from './retirements.ts'

const format = createLineFormat({
  ...{ writer: 'local', environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
})

const lineOf = (change: Parameters<typeof aChange>[0]) =>
  numbered(7, format.change(aChange(change), 0)).trimEnd()

function throughAfter(...lines: readonly string[]): number {
  const retirements = new Retirements()
  for (const line of lines) {
    const glance = glanceAt(Buffer.from(line))
    if (glance) retirements.take(glance, Buffer.from(`\0${line}`))
  }
  return retirements.through('worker-3')
}

const retired = (last: number, target = 'worker-3') =>
  lineOf({ action: 'audit.retire', target, details: { first: 1, last } })

it('knows the last record that any record says was retired, of each writer', () => {
  expect(throughAfter(retired(9), retired(4), retired(70, 'local'))).toBe(9)
  expect(throughAfter()).toBe(0)
})

it.each([
  ['another change', lineOf({ action: 'audit.query', target: 'worker-3', details: { last: 9 } })],
  [
    'one that only quotes it',
    lineOf({ action: 'x', target: 'worker-3', details: { action: 'audit.retire', last: 9 } }),
  ],
  ['one without a number', lineOf({ action: 'audit.retire', target: 'worker-3', details: {} })],
  ['a line that is no JSON', retired(9).replace('"details":', '"details"')],
  ['another kind', retired(9).replace('"kind":"change"', '"kind":"intent"')],
])('takes nothing from %s', (_what, line) => {
  expect(throughAfter(line)).toBe(0)
})
