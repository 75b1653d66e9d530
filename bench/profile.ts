/**
 * Where a subject on node spends its time: `node bench/profile.ts ours|swap|undici|http-proxy
 * [scenario [seconds]]`. Prints self times by file and by function, and keeps the whole profile,
 * which Chrome's developer tools open.
 */

import { readFileSync } from 'node:fs'
import { createTemporaryDirectory } from '../test/support/temporary.ts'
import { makeBed } from './bed.ts'
import { CORE, pin } from './child.ts'
import { profileFile } from './profile-file.ts'
import { SCENARIOS, warmUp } from './scenarios.ts'
import { PROFILER } from './subjects.ts'

interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const SHOWN = 40
const WARM_UP_SECONDS = 8

async function main([
  name = 'ours',
  scenario = 'small',
  seconds = '5',
]: readonly string[]): Promise<void> {
  pin(process.pid, CORE.rest)
  const directory = createTemporaryDirectory()
  const nodeOptions = ['--import', PROFILER]
  const bed = await makeBed({ transport: 'tls', only: [name], directory, nodeOptions })
  try {
    const [subject] = bed.subjects
    const measured = SCENARIOS.find((each) => each.name === scenario)
    if (!subject || !measured) return
    await warmUp(bed, WARM_UP_SECONDS)
    process.kill(subject.pid, 'SIGUSR2')
    const { cpuMicros = 0 } = await measured.measure(bed, subject, Number(seconds))
    process.kill(subject.pid, 'SIGUSR2')
    const file = profileFile(subject.pid)
    const profile = await untilWritten(file)
    console.log(`${name}: ${cpuMicros.toFixed(1)} us per request while profiled; ${file}`)
    console.log('\nby file')
    for (const line of selfTimes(profile, fileOf).slice(0, SHOWN)) console.log(line)
    console.log('\nby function')
    for (const line of selfTimes(profile, functionOf).slice(0, SHOWN)) console.log(line)
  } finally {
    await bed.stop()
    directory.remove()
  }
}

async function untilWritten(file: string): Promise<Profile> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Profile
    } catch {
      // not there, or not whole yet
    }
  }
  throw new Error('the subject wrote no profile')
}

function fileOf({ functionName, url }: CallFrame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native calls'
  return url.split('/').slice(-3).join('/')
}

function functionOf(frame: CallFrame): string {
  const { functionName, url, lineNumber } = frame
  return `${functionName || 'anonymous'}  ${url === '' ? '' : `${fileOf(frame)}:${lineNumber + 1}`}`
}

/** Share of the busy time by the name that each frame is given; the busiest first. */
function selfTimes(
  { nodes, samples, timeDeltas }: Profile,
  nameOf: (frame: CallFrame) => string,
): readonly string[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  let busy = 0
  samples.forEach((id, index) => {
    const name = names.get(id) ?? ''
    if (name.startsWith('(idle)')) return
    const micros = timeDeltas[index] ?? 0
    busy += micros
    times.set(name, (times.get(name) ?? 0) + micros)
  })
  return [...times]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, micros]) => `${((micros / busy) * 100).toFixed(1).padStart(5)} %  ${name}`)
}

await main(process.argv.slice(2))
