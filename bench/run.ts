/**
 * What a request costs: nginx, HAProxy, Caddy, Node's own means and ours, in the same run, round
 * by round in turn. Prints; writes nothing but with --save. README.md says how to read it.
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createTemporaryDirectory, type TemporaryDirectory } from '../test/support/temporary.ts'
import { makeBed, type Bed, type Transport } from './bed.ts'
import { budgetTable } from './budgets.ts'
import { CORE, pin } from './child.ts'
import { describeMachine, otherLoad } from './machine.ts'
import { RESULTS_FILE, writePage } from './page.ts'
import { summarise, type Results, type Sample } from './results.ts'
import { SCENARIOS, warmUp, type Scenario } from './scenarios.ts'
import { SUBJECTS } from './subjects.ts'
import { formatText, tablesOf } from './tables.ts'

interface Plan {
  readonly only: readonly string[]
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  readonly seconds: number
  readonly save: boolean
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      scenario: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '2.5' },
      save: { type: 'boolean', default: false },
    },
  })
  const names = SCENARIOS.map(({ name }) => name)
  const wanted = chosen(values.scenario, names)
  return {
    only: chosen(values.only, [...SUBJECTS.keys()]),
    scenarios: SCENARIOS.filter(({ name }) => wanted.includes(name)),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    save: values.save,
  }
}

function chosen(list: string | undefined, all: readonly string[]): readonly string[] {
  const names = list?.split(',') ?? all
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no ${unknown.join()}; there are ${all.join()}`)
  return all.filter((name) => names.includes(name))
}

async function main(): Promise<void> {
  const plan = readPlan()
  const isPinned = pin(process.pid, CORE.rest) // and with it whatever it starts
  if (!isPinned) console.log('NOT PINNED: no taskset or no second core, so figures will wander')
  const directory = createTemporaryDirectory()
  try {
    const machine = describeMachine(isPinned, directory)
    console.log(JSON.stringify(machine))
    const loads: number[] = []
    const outcomes = [
      ...(await measureOver('plain', { ...plan, directory, loads })),
      ...(await measureOver('tls', { ...plan, directory, loads })),
    ]
    const { rounds, seconds } = plan
    const samples = outcomes.filter((outcome): outcome is Sample => 'figures' in outcome)
    const failures = outcomes.flatMap((outcome) => ('failure' in outcome ? [inWords(outcome)] : []))
    const results: Results = {
      ...{ machine, rounds, seconds, failures },
      ...{ otherLoad: mean(loads), rows: summarise(samples) },
    }
    for (const table of tablesOf(results)) console.log(formatText(table))
    console.log(formatText(budgetTable(results)))
    console.log(`\nothers used ${(results.otherLoad * 100).toFixed(0)} % of the machine meanwhile`)
    for (const failure of failures) console.log(`FAILED: ${failure}`)
    if (failures.length > 0) process.exitCode = 1
    if (plan.save) save(results)
  } finally {
    directory.remove()
  }
}

type Place = Omit<Sample, 'figures'>
type Outcome = Sample | (Place & { readonly failure: string })

function inWords({ scenario, transport, subject, failure }: Exclude<Outcome, Sample>): string {
  return `${scenario} over ${transport}, ${subject}: ${failure}`
}

interface Run extends Plan {
  readonly directory: TemporaryDirectory
  /** What others used of the machine, asked now and then. */
  readonly loads: number[]
}

async function measureOver(transport: Transport, run: Run): Promise<readonly Outcome[]> {
  const scenarios = run.scenarios.filter(({ transports }) => transports.includes(transport))
  if (scenarios.length === 0) return []
  const bed = await makeBed({ transport, only: run.only, directory: run.directory })
  try {
    await warmUp(bed, 2 * run.seconds)
    return await measureRounds(bed, transport, { ...run, scenarios })
  } finally {
    await bed.stop()
  }
}

/** A B C, A B C: what disturbs the machine for a while disturbs all of them. */
async function measureRounds(
  bed: Bed,
  transport: Transport,
  plan: Run,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const scenario of plan.scenarios) {
    plan.loads.push(await otherLoad())
    const rounds = scenario.isOnce === true ? 1 : plan.rounds
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of bed.subjects) {
        const what = { scenario: scenario.name, transport, subject: subject.name }
        outcomes.push(
          await scenario.measure(bed, subject, plan.seconds).then(
            (figures) => ({ ...what, figures }),
            (error: unknown) => ({ ...what, failure: String(error) }),
          ),
        )
      }
    }
    console.error(`${scenario.name} over ${transport}: done`)
  }
  return outcomes
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

function save(results: Results): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, undefined, 2)}\n`)
  writePage()
  console.log('\nsaved to bench/results.json and docs/performance.md')
}

await main()
