/**
 * Which threads of a subject use the processor: `node bench/threads.ts ours|swap|... [scenario
 * [seconds]]`. Prints microseconds per request for each name that threads have, and context switches.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { createTemporaryDirectory } from '../test/support/temporary.ts'
import { makeBed } from './bed.ts'
import { CORE, pin } from './child.ts'
import { SCENARIOS, warmUp } from './scenarios.ts'

const WARM_UP_SECONDS = 8

interface ThreadUse {
  readonly name: string
  /** User and system time. */
  readonly micros: number
  readonly switches: number
}

async function main([
  name = 'ours',
  scenario = 'small',
  seconds = '5',
]: readonly string[]): Promise<void> {
  pin(process.pid, CORE.rest)
  const directory = createTemporaryDirectory()
  const bed = await makeBed({ transport: 'tls', only: [name], directory })
  try {
    const [subject] = bed.subjects
    const measured = SCENARIOS.find((each) => each.name === scenario)
    if (!subject || !measured) return
    await warmUp(bed, WARM_UP_SECONDS)
    const before = threadsOf(subject.pid)
    const figures = await measured.measure(bed, subject, Number(seconds))
    const after = threadsOf(subject.pid)
    const { cpuMicros = 0, p50Ms = 0, p99Ms = 0 } = figures
    const used = [...after].map(([id, use]) => difference(use, before.get(id)))
    // The scenario's own warm-up counts here and not there: shares are right, and so is their sum.
    const scale = cpuMicros / used.reduce((sum, { micros }) => sum + micros, 0)
    console.log(
      `${name}: ${cpuMicros.toFixed(1)} us per request, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
    )
    for (const { name: thread, micros, switches } of used.toSorted((a, b) => b.micros - a.micros))
      console.log(
        `${(micros * scale).toFixed(1).padStart(7)} us  ${(switches * scale).toFixed(3).padStart(7)} switches  ${thread}`,
      )
  } finally {
    await bed.stop()
    directory.remove()
  }
}

/** From /proc/PID/task (proc(5)); times in nanoseconds from schedstat, where the kernel keeps it. */
function threadsOf(pid: number): ReadonlyMap<string, ThreadUse> {
  const directory = `/proc/${pid}/task`
  return new Map(
    readdirSync(directory).map((id) => {
      const read = (file: string): string => readFileSync(`${directory}/${id}/${file}`, 'utf8')
      const [nanoseconds = '0', , switches = '0'] = read('schedstat').split(' ')
      const use = {
        name: read('comm').trim(),
        micros: Number(nanoseconds) / 1e3,
        switches: Number(switches),
      }
      return [id, use]
    }),
  )
}

function difference(after: ThreadUse, before: ThreadUse | undefined): ThreadUse {
  return {
    name: after.name,
    micros: after.micros - (before?.micros ?? 0),
    switches: after.switches - (before?.switches ?? 0),
  }
}

await main(process.argv.slice(2))
