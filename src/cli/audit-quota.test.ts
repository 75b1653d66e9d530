import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import { isQuotaHigh, measureAudit, quotaWords } from './audit-quota.ts'

it.each([
  [799, 1000, false],
  [800, 1000, true],
  [1200, 1000, true],
  [800, undefined, false],
])('of %s bytes with a quota of %s warns: %s', (bytes, quotaBytes, expected) => {
  expect(isQuotaHigh({ bytes, quotaBytes })).toBe(expected)
  expect(quotaWords({ bytes, quotaBytes }).includes('audit.quota')).toBe(expected)
})

it('says how much of how much', () => {
  expect(quotaWords({ bytes: 512, quotaBytes: 1024 })).toMatch(/ of .* \(50 %\)$/)
})

it('measures the files of all writers', () => {
  const directory = createTemporaryDirectory()
  try {
    mkdirSync(join(directory.path, 'local'))
    directory.write('clock', 'x'.repeat(10))
    directory.write(join('local', '1.jsonl'), 'x'.repeat(100))
    expect(measureAudit(directory.path)).toBe(110)
  } finally {
    directory.remove()
  }
})
