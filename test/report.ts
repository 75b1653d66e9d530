/**
 * What `npm test` runs: vitest with a JSON report beside the usual output, and one plain line at
 * the end that a machine can read: `N passed, N failed`. The exit code is the tests' own.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly unknown[]
  }[]
}

const directory = mkdtempSync(join(tmpdir(), 'apistronghold-report-'))
const file = join(directory, 'report.json')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
const wanted = ['run', ...process.argv.slice(2), ...reporters]
const { status } = spawnSync('vitest', wanted, { stdio: 'inherit' })
const summary = existsSync(file)
  ? summarise(JSON.parse(readFileSync(file, 'utf8')) as Report)
  : '0 passed, 1 failed (the tests did not run to their end)'
rmSync(directory, { recursive: true })
process.stdout.write(`\n${summary}\n`)
process.exitCode = status ?? 1

/** A file that does not even load counts as one failure: its tests did not run. */
function summarise({ testResults, ...counts }: Report): string {
  const unloaded = testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.length === 0,
  )
  const failed = counts.numFailedTests + unloaded.length
  const skipped = counts.numPendingTests > 0 ? `, ${counts.numPendingTests} skipped` : ''
  return `${counts.numPassedTests} passed, ${failed} failed${skipped}`
}
