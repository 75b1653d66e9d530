/**
 * A proxy under load, killed where it hurts: whatever an upstream saw is on record when the journal is
 * opened again. `npm test` kills once at each point, `npm run kill` fifty times.
 */

import { availableParallelism } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKillBed, type KillBed, type Remains } from '../support/kill-bed.ts'
import { KILL_POINTS, type KillPoint } from '../support/kill-points.ts'

const KILLS = Number(process.env['KILLS_PER_POINT'] ?? 1)

/** Only once in a while: waiting for many of them would take long. */
const RARE = new Set<KillPoint>([
  ...(['segment left', 'segment opened', 'directory synced', 'frontier replaced'] as const),
  ...(['hashes written', 'checkpoint half replaced', 'checkpoint replaced'] as const),
])

/** From the first time that a point is reached to deep into the load, no two the same for long. */
const timeOf = (point: KillPoint, run: number) =>
  1 + ((run * 7 + KILL_POINTS.indexOf(point) * 5) % (RARE.has(point) ? 3 : 41))

let bed: KillBed

beforeAll(async () => {
  bed = await openKillBed()
})

afterAll(() => bed.close())

/** As many proxies at a time as there are cores. */
async function killAll(point: KillPoint, auditsBeforeResponse: boolean): Promise<Remains[]> {
  const all: Remains[] = []
  let run = 0
  const work = async () => {
    while (run < KILLS) {
      const nth = timeOf(point, run++)
      all.push(await bed.kill({ point, nth, auditsBeforeResponse }))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return all
}

const noneYet = () => ({ kills: 0, seen: 0, answered: 0, seenUnrecorded: 0, answeredUnrecorded: 0 })

function add(totals: ReturnType<typeof noneYet>, all: readonly Remains[]): void {
  for (const { seen, answered, recorded } of all) {
    totals.kills += 1
    totals.seen += seen.length
    totals.answered += answered.length
    totals.seenUnrecorded += missingFrom(recorded, seen).length
    totals.answeredUnrecorded += missingFrom(recorded, answered).length
  }
}

const missingFrom = (recorded: ReadonlySet<number>, numbers: readonly number[]) =>
  numbers.filter((number) => !recorded.has(number))

function expectSound(all: readonly Remains[]): void {
  for (const { signal, unclosed, gaps } of all)
    expect({ signal, unclosed, gaps }).toEqual({ signal: 'SIGKILL', unclosed: 0, gaps: 0 })
}

const LIMIT_MS = 20_000 + KILLS * 10_000

describe('a proxy that is killed', () => {
  const totals = noneYet()

  it.each(KILL_POINTS)(
    'AU-01 at "%s" has an intent for every request that an upstream saw',
    { timeout: LIMIT_MS },
    async (point) => {
      const all = await killAll(point, false)
      expectSound(all)
      add(totals, all)
      for (const { seen, answered, recorded } of all)
        expect(missingFrom(recorded, [...seen, ...answered])).toEqual([])
    },
  )

  it('saw its upstream used, so that there was something to miss', () => {
    report('before the request', totals)
    expect(totals.seen).toBeGreaterThan(totals.kills)
    expect(totals.answered).toBeGreaterThan(0)
  })
})

describe('a proxy that is killed and records before the answer only', () => {
  const totals = noneYet()

  it.each(KILL_POINTS)(
    'AU-01 at "%s" has an intent for every answer that an agent got',
    { timeout: LIMIT_MS },
    async (point) => {
      const all = await killAll(point, true)
      expectSound(all)
      add(totals, all)
      for (const { answered, recorded } of all) expect(missingFrom(recorded, answered)).toEqual([])
    },
  )

  it('did lose records of what the upstream saw, so that the other order is known to matter', () => {
    report('before the answer', totals)
    expect(totals.answered).toBeGreaterThan(0)
    expect(totals.seenUnrecorded).toBeGreaterThan(0)
  })
})

/** The figures of a whole run, for who asked for one. */
function report(order: string, totals: object): void {
  if (process.env['KILLS_PER_POINT'] !== undefined)
    process.stderr.write(`recorded ${order}: ${JSON.stringify(totals)}\n`)
}
