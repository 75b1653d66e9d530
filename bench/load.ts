/** The load, a process of its own: takes one job after another and answers each with its figures. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Caller, type Answered } from './caller.ts'
import { listenToEvents, type EventsJob } from './events.ts'
import { percentiles, type Latencies } from './percentile.ts'

interface Calls {
  readonly port: number
  /** The whole request as it goes over the wire. */
  readonly request: string
  readonly connections: number
  readonly seconds: number
}

/** Each connection sends its next request when the last is answered. */
export interface ClosedJob extends Calls {
  readonly kind: 'closed'
}

/** Requests are due at even intervals, answered or not; latency counts from when one was due. */
export interface PacedJob extends Calls {
  readonly kind: 'paced'
  readonly perSecond: number
}

export type LoadJob = ClosedJob | PacedJob | EventsJob

export interface LoadFigures extends Latencies {
  readonly requests: number
  readonly seconds: number
  /** Answers that were not 2xx, and connections that broke. */
  readonly failed: number
}

/** Half a step of the finest sleep that this kind of machine keeps to. */
const PACE_MS = 0.2
const GRACE_MS = 3000

/**
 * Connections that have each had a good answer, so that no figure holds their own start: requests
 * that were due meanwhile would wait for it, and be the slowest ones of the whole run.
 */
async function openCallers({ port, connections }: Calls, request: Buffer) {
  const callers: Caller[] = []
  const opened: Caller[] = []
  let answered: Answered = () => undefined
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, GRACE_MS)
    let waiting = connections
    answered = (caller, isGood) => {
      if (isGood) callers.push(caller)
      if (--waiting > 0) return
      clearTimeout(timer)
      resolve()
    }
    for (let index = 0; index < connections; index += 1) {
      const caller = new Caller(port, (...answer) => {
        answered(...answer)
      })
      opened.push(caller)
      caller.send(request, performance.now())
    }
  })
  answered = () => undefined
  for (const caller of opened) if (!callers.includes(caller)) caller.close()
  const whenAnswered = (next: Answered): void => void (answered = next)
  return { callers, whenAnswered, failed: connections - callers.length }
}

async function runClosed(job: ClosedJob): Promise<LoadFigures> {
  const request = Buffer.from(job.request)
  const times: number[] = []
  const { callers, whenAnswered, ...start } = await openCallers(job, request)
  const startedAt = performance.now()
  const endsAt = startedAt + job.seconds * 1000
  let { failed } = start
  await new Promise<void>((resolve) => {
    let open = callers.length
    const timer = setTimeout(
      () => {
        failed += open
        resolve()
      },
      job.seconds * 1000 + GRACE_MS,
    )
    whenAnswered((caller, isGood) => {
      const now = performance.now()
      times.push(now - caller.dueAt)
      if (!isGood) failed += 1
      if (isGood && now < endsAt) caller.send(request, now)
      else if (--open === 0) {
        clearTimeout(timer)
        resolve()
      }
    })
    for (const caller of callers) caller.send(request, performance.now())
  })
  const seconds = (performance.now() - startedAt) / 1000
  for (const caller of callers) caller.close()
  return { requests: times.length, seconds, failed, ...percentiles(times) }
}

async function runPaced(job: PacedJob): Promise<LoadFigures> {
  const request = Buffer.from(job.request)
  const times: number[] = []
  const total = Math.round(job.perSecond * job.seconds)
  const spacingMs = 1000 / job.perSecond
  const { callers, whenAnswered, ...start } = await openCallers(job, request)
  const idle = [...callers]
  const pacer = new Worker(new URL('pacer.ts', import.meta.url), {
    workerData: { everyMs: Math.max(PACE_MS, spacingMs) },
  })
  await once(pacer, 'message') // a thread takes its time to start, too
  const startedAt = performance.now()
  let sent = 0
  let { failed } = start
  const sendDue = (): void => {
    const due = Math.min(total, Math.floor((performance.now() - startedAt) / spacingMs))
    while (sent < due) {
      const caller = idle.pop()
      if (!caller) return
      caller.send(request, startedAt + ++sent * spacingMs)
    }
  }
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, job.seconds * 1000 + GRACE_MS)
    whenAnswered((caller, isGood) => {
      times.push(performance.now() - caller.dueAt)
      if (isGood) idle.push(caller)
      else failed += 1
      sendDue()
      if (times.length < total) return
      clearTimeout(timer)
      resolve()
    })
    pacer.on('message', sendDue)
  })
  await pacer.terminate()
  const seconds = (performance.now() - startedAt) / 1000
  for (const caller of callers) caller.close()
  failed += total - times.length
  return { requests: times.length, seconds, failed, ...percentiles(times) }
}

function run(job: LoadJob): Promise<LoadFigures> {
  switch (job.kind) {
    case 'closed':
      return runClosed(job)
    case 'paced':
      return runPaced(job)
    case 'events':
      return listenToEvents(job)
  }
}

process.on('message', (job: LoadJob) => {
  void run(job).then((figures) => process.send?.(figures))
})
