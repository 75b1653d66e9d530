/** The examples of reports.md: what the commands print about a scripted month, as they print it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import picocolors from 'picocolors'
import type { BlastRadius, StaleReport, TightenReport, UsageReport } from '../sdk/src/client.ts'
import { blastRadiusText } from '../src/cli/report-blast-radius.ts'
import { staleText } from '../src/cli/report-stale.ts'
import { tightenText } from '../src/cli/report-tighten.ts'
import { usageText } from '../src/cli/report-usage.ts'
import { playScenario, type Scenario } from '../test/support/report-scenario.ts'
import { NOW } from '../test/support/grants.ts'
import type { Page } from './generate.ts'

const PAPER = { columns: 110, colors: picocolors.createColors(false) }
const NOVEMBER = `since=${Date.UTC(2026, 10)}&until=${NOW}`

/** The page with its examples made anew; everything else as it is. */
export async function reportsPage(): Promise<Page> {
  const path = join(import.meta.dirname, 'reports.md')
  let text = readFileSync(path, 'utf8')
  for (const [name, example] of Object.entries(await examplesOf(await playScenario()))) {
    const begin = `<!-- example: ${name} -->\n`
    const [before = '', after = ''] = text.split(begin)
    const rest = after.slice(after.indexOf('<!-- end -->'))
    text = `${before}${begin}\n\`\`\`text\n${example}\n\`\`\`\n\n${rest}`
  }
  return { path, text }
}

async function examplesOf({ api }: Scenario): Promise<Readonly<Record<string, string>>> {
  const read = async (question: string): Promise<unknown> =>
    (await api.call(`GET /v1/reports/${question}`)).body
  return {
    'blast-radius': blastRadiusText(
      PAPER,
      (await read('blast-radius?subject=order-agent')) as BlastRadius,
    ),
    usage: usageText(PAPER, (await read(`usage?${NOVEMBER}`)) as UsageReport),
    stale: staleText(PAPER, (await read('stale')) as StaleReport),
    tighten: tightenText(PAPER, (await read('tighten?agent=order-agent')) as TightenReport),
  }
}
