/** What is measured, each for one subject in one round. */

import type { Bed, Running, Transport } from './bed.ts'
import { ask, endChild, startChild } from './child.ts'
import { cpuMicroseconds, residentMegabytes } from './cpu.ts'
import type { LoadFigures } from './load.ts'
import type { SlowFigures, SlowJob } from './slow.ts'
import { PATHS } from './upstream-paths.ts'

export type Figures = Readonly<Record<string, number>>

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly transports: readonly Transport[]
  /** Where its figures do not get better by repetition. */
  readonly isOnce?: boolean
  measure(bed: Bed, subject: Running, seconds: number): Promise<Figures>
}

const CONNECTIONS = 32
const LARGE_CONNECTIONS = 8
const STREAMS = 8
const WARM_UP_SECONDS = 0.5
const FORM = 'email=a%40b.example&name=A'
const SLOW = { connections: 5000, perSecond: 1000, patienceMs: 20_000 }

interface Asked {
  readonly path: string
  readonly body?: string
}

/** A request as an SDK sends it, so that there is something to parse. */
function requestOf({ path, body }: Asked, token: string, prefix = ''): string {
  const lines = [
    `${body === undefined ? 'GET' : 'POST'} ${prefix}${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'User-Agent: Stripe/v1 NodeBindings/23.1.0',
    'Accept: application/json',
    'Stripe-Version: 2026-10-29.clover',
  ]
  if (body !== undefined) {
    lines.push('Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`)
  }
  return [...lines, '', body ?? ''].join('\r\n')
}

function through(bed: Bed, subject: Running, asked: Asked) {
  const request = requestOf(asked, subject.token ?? bed.job.token, subject.prefix)
  return { port: subject.port, request }
}

function direct(bed: Bed, asked: Asked) {
  return { port: bed.directPort, request: requestOf(asked, bed.job.key) }
}

function whole(subject: Running, figures: LoadFigures): LoadFigures {
  if (figures.failed > 0) throw new Error(`${subject.name}: ${figures.failed} requests failed`)
  return figures
}

/** As many as it can: what a request costs. */
function saturated(asked: Asked, connections: number): Scenario['measure'] {
  return async (bed, subject, seconds) => {
    const job = { kind: 'closed', connections, ...through(bed, subject, asked) } as const
    await bed.load({ ...job, seconds: WARM_UP_SECONDS })
    const before = cpuMicroseconds(subject.pid)
    const done = whole(subject, await bed.load({ ...job, seconds }))
    const used = cpuMicroseconds(subject.pid) - before
    return {
      cpuMicros: used / done.requests,
      perSecond: done.requests / done.seconds,
      coreShare: used / (done.seconds * 1e6),
      ...{ p50Ms: done.p50Ms, p99Ms: done.p99Ms, p999Ms: done.p999Ms },
      idleMegabytes: subject.idleMegabytes,
      residentMegabytes: residentMegabytes(subject.pid),
    }
  }
}

/** At half of what it can: what it adds to the upstream's own latency at the same rate. */
const halfway: Scenario['measure'] = async (bed, subject, seconds) => {
  const asked = { path: PATHS.small }
  const calls = through(bed, subject, asked)
  const most = await bed.load({ kind: 'closed', connections: CONNECTIONS, ...calls, seconds: 1 })
  const perSecond = most.requests / most.seconds / 2
  const paced = { kind: 'paced', connections: 2 * CONNECTIONS, perSecond, seconds } as const
  const alone = whole(subject, await bed.load({ ...paced, ...direct(bed, asked) }))
  const proxied = whole(subject, await bed.load({ ...paced, ...calls }))
  return { perSecond, ...added(proxied, alone), p50Ms: proxied.p50Ms, p99Ms: proxied.p99Ms }
}

/** From an event's departure to its arrival. */
const events: Scenario['measure'] = async (bed, subject, seconds) => {
  const job = { kind: 'events', connections: STREAMS, seconds } as const
  const asked = { path: PATHS.events }
  const alone = whole(subject, await bed.load({ ...job, ...direct(bed, asked) }))
  const proxied = whole(subject, await bed.load({ ...job, ...through(bed, subject, asked) }))
  return { ...added(proxied, alone), p50Ms: proxied.p50Ms, p99Ms: proxied.p99Ms }
}

const added = (proxied: LoadFigures, alone: LoadFigures) => ({
  addedP50Ms: proxied.p50Ms - alone.p50Ms,
  addedP99Ms: proxied.p99Ms - alone.p99Ms,
  addedP999Ms: proxied.p999Ms - alone.p999Ms,
})

/** Good requests at a modest rate, before and while thousands of others never finish theirs. */
const besieged: Scenario['measure'] = async (bed, subject, seconds) => {
  const good = {
    ...({ kind: 'paced', connections: CONNECTIONS, perSecond: SLOW.perSecond, seconds } as const),
    ...through(bed, subject, { path: PATHS.small }),
  }
  await bed.load({ ...good, seconds: WARM_UP_SECONDS })
  const quiet = whole(subject, await bed.load(good))
  const before = residentMegabytes(subject.pid)
  const slow = startChild('slow.ts')
  try {
    const job: SlowJob = { port: subject.port, connections: SLOW.connections }
    const { open } = await untilOpen(slow, job)
    const kilobytes = ((residentMegabytes(subject.pid) - before) * 1024) / open
    const siege = await bed.load(good)
    const { shed } = (await ask(slow, {})) as SlowFigures
    const { p99Ms, failed } = siege // failures are a finding here: some proxies starve
    const times = p99Ms / quiet.p99Ms
    return { quietP99Ms: quiet.p99Ms, p99Ms, times, failed, open, shed, kilobytes }
  } finally {
    await endChild(slow)
  }
}

/** Until all are open, or as many as the proxy will have. */
async function untilOpen(slow: ReturnType<typeof startChild>, job: SlowJob): Promise<SlowFigures> {
  slow.send(job)
  const deadline = performance.now() + SLOW.patienceMs
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    const figures = (await ask(slow, {})) as SlowFigures
    if (figures.open === job.connections || performance.now() > deadline) return figures
  }
}

/** Until a compiler at run time has seen enough: some ten thousand requests. Its figures do not count. */
export async function warmUp(bed: Bed, seconds: number): Promise<void> {
  const measure = saturated({ path: PATHS.small }, CONNECTIONS)
  for (const subject of bed.subjects) await measure(bed, subject, seconds)
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'small',
    title: `GET, 735-byte answer, ${CONNECTIONS} connections`,
    transports: ['plain', 'tls'],
    measure: saturated({ path: PATHS.small }, CONNECTIONS),
  },
  {
    name: 'form',
    title: `POST of a small form, 735-byte answer, ${CONNECTIONS} connections`,
    transports: ['tls'],
    measure: saturated({ path: PATHS.small, body: FORM }, CONNECTIONS),
  },
  {
    name: 'large',
    title: `GET, 1 MiB answer, ${LARGE_CONNECTIONS} connections`,
    transports: ['plain', 'tls'],
    measure: saturated({ path: PATHS.large }, LARGE_CONNECTIONS),
  },
  {
    name: 'half',
    title: 'GET at half of saturation, latency added to the upstream alone',
    transports: ['tls'],
    measure: halfway,
  },
  {
    name: 'events',
    title: `server-sent events, ${STREAMS} streams, latency added to the upstream alone`,
    transports: ['tls'],
    measure: events,
  },
  {
    name: 'slow',
    title: `${SLOW.connections} slow connections beside ${SLOW.perSecond} good requests/s`,
    transports: ['tls'],
    isOnce: true,
    measure: besieged,
  },
]
