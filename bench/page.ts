/** docs/performance.md from what was measured: nobody types a figure. `node bench/page.ts` */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { budgetTable } from './budgets.ts'
import { auditSection, readAuditResults, type AuditResults } from './audit-results.ts'
import type { Results } from './results.ts'
import { MEANINGS } from './subjects.ts'
import { formatMarkdown, tablesOf } from './tables.ts'

export const RESULTS_FILE = join(import.meta.dirname, 'results.json')
/** Others' share of the machine below which figures may be believed. */
const QUIET = 0.05

const PAGE_FILE = join(import.meta.dirname, '..', 'docs', 'performance.md')

export function pageOf(results: Results, audit: AuditResults): string {
  const { machine, rounds, seconds, otherLoad } = results
  const versions = Object.entries(machine.versions).map((pair) => pair.join(' '))
  const measured = new Set(results.rows.map(({ subject }) => subject))
  const subjects = [...MEANINGS].filter(([name]) => measured.has(name))
  return `# Performance

<!-- Made from bench/results.json and bench/audit-index.json: measure again instead of editing. -->

What a request costs, beside other proxies that do the same job in the same run: find the key that stands for a token and send the
request on with it. All answer 401 to another token, keep connections to both sides open, verify the upstream's certificate
against the same private CA, write no access log and have one worker or thread. The proxy under test has one core; load and upstream share another.
**CPU per request** is what counts: user and system time of the proxy's process, all of its threads, over the requests answered.
Where *core* is well under 100 %, load and upstream were the limit: requests per second and latencies then tell little about the proxy.
Each figure is the median of ${rounds} interleaved rounds of ${seconds} s; lowest and highest stand in brackets.

Measured ${machine.measuredOn} on ${machine.processor}, ${machine.cores} cores${machine.isPinned ? '' : ' (NOT pinned)'}, Linux ${machine.kernel}; ${versions.join(', ')}. \`fdatasync\` of the
audit's disk: ${machine.syncP50Ms.toFixed(3)} ms (p50). ${restOf(otherLoad)}

${formatMarkdown({ header: ['subject', 'what it is'], rows: subjects.map((row) => [...row]) }).replace('---:', '---')}

An origin of the configuration is always https, so full duty is measured over TLS only.

## Budgets

${formatMarkdown(budgetTable(results)).replaceAll('---:', '---')}

## Figures
${tablesOf(results)
  .map((table) => `\n### ${table.title}\n\n${formatMarkdown(table)}\n`)
  .join(
    '',
  )}${results.failures.length === 0 ? '' : `\nWithout figures in some round: ${results.failures.join('; ')}.\n`}
${auditSection(audit)}
## Measuring it yourself

    npm run bench                                              # everything, about ten minutes
    npm run bench -- --only nginx,ours --scenario small --rounds 1
    npm run bench -- --save                                    # and writes this page
    node bench/audit-index.ts 1000000 /tmp --save              # reading the audit; a directory with room
    node bench/audit-export.ts 1000000 --save
    node bench/profile.ts ours                                 # where the time goes

[bench/README.md](../bench/README.md) says more.
`
}

/** Figures of a busy machine wander, and latencies most of all. */
function restOf(otherLoad: number): string {
  const share = `${(otherLoad * 100).toFixed(0)} %`
  if (otherLoad < QUIET) return `Others used ${share} of the machine meanwhile.`
  return `**Preliminary**: others used ${share} of the machine meanwhile, so ratios are rough and latencies tell nothing.`
}

export function writePage(): void {
  const results = JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as Results
  writeFileSync(PAGE_FILE, pageOf(results, readAuditResults()))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writePage()
