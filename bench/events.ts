/** Listens to event streams whose events say when they left; both clocks are the machine's. */

import { connect } from 'node:net'
import type { LoadFigures } from './load.ts'
import { percentiles } from './percentile.ts'

export interface EventsJob {
  readonly kind: 'events'
  readonly port: number
  readonly request: string
  readonly connections: number
  readonly seconds: number
}

/** Events before this are the connection's own start. */
const SETTLE_MS = 300

const EVENT = /data: (\d+)\n\n/g

/** Figures of events instead of requests: how long each was on its way. */
export async function listenToEvents(job: EventsJob): Promise<LoadFigures> {
  const times: number[] = []
  const startedAt = performance.now()
  const sockets = Array.from({ length: job.connections }, () => {
    const socket = connect(job.port, '127.0.0.1')
    let text = ''
    socket.setNoDelay(true)
    socket.on('error', () => undefined) // too few events will tell
    socket.on('data', (chunk: Buffer) => {
      const now = process.hrtime.bigint()
      text += chunk.toString('latin1')
      let end = 0
      for (const event of text.matchAll(EVENT)) {
        end = event.index + event[0].length
        if (performance.now() - startedAt < SETTLE_MS) continue
        times.push(Number(now - BigInt(event[1] ?? 0)) / 1e6)
      }
      text = text.slice(end)
    })
    socket.write(job.request)
    return socket
  })
  await new Promise((resolve) => setTimeout(resolve, job.seconds * 1000 + SETTLE_MS))
  for (const socket of sockets) socket.destroy()
  const failed = times.length < job.connections * job.seconds * 50 ? 1 : 0
  return { requests: times.length, seconds: job.seconds, failed, ...percentiles(times) }
}
