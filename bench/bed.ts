/** What every measurement stands on: upstream, load, and one started subject after another. */

import type { ChildProcess } from 'node:child_process'
import { mintToken } from '../src/token/token.ts'
import { makeKey } from '../test/support/canary.ts'
import { createAuthority, LOOPBACK_NAMES } from '../test/support/pki.ts'
import type { TemporaryDirectory } from '../test/support/temporary.ts'
import { ask, CORE, endChild, pin, startChild } from './child.ts'
import { residentMegabytes } from './cpu.ts'
import type { LoadFigures, LoadJob } from './load.ts'
import type { Subject, SwapJob } from './subject.ts'
import { SUBJECTS } from './subjects.ts'
import type { UpstreamJob, UpstreamPorts } from './upstream.ts'

export type Transport = 'plain' | 'tls'

export interface Running extends Subject {
  readonly name: string
  readonly idleMegabytes: number
}

export interface Bed {
  readonly job: SwapJob
  readonly subjects: readonly Running[]
  /**
   * The upstream itself, for what its own share of a latency is. In plaintext, as the load asks the
   * proxies: TLS between load and upstream, which share a core, would make the shorter way the longer.
   */
  readonly directPort: number
  load(job: LoadJob): Promise<LoadFigures>
  stop(): Promise<void>
}

export interface BedOptions {
  readonly transport: Transport
  readonly only: readonly string[]
  readonly directory: TemporaryDirectory
  readonly nodeOptions?: readonly string[]
}

/** Starts upstream, load and all subjects; a subject that is not there is skipped aloud. */
export async function makeBed(options: BedOptions): Promise<Bed> {
  const { transport, directory, nodeOptions = [] } = options
  const authority = createAuthority()
  const ca = authority.certificate
  const key = makeKey('sk_live_')
  const upstream = startChild('upstream.ts')
  const tls = authority.issue({ names: LOOPBACK_NAMES })
  const answering: UpstreamJob = transport === 'tls' ? { key, tls } : { key }
  const { port, plainPort } = (await ask(upstream, answering)) as UpstreamPorts
  const scheme = transport === 'tls' ? 'https' : 'http'
  const origin = `${scheme}://127.0.0.1:${port}`
  const job: SwapJob = { origin, ca, token: mintToken('pt', 'live'), key }
  const load = startChild('load.ts')
  const subjects: Running[] = []
  const stop = () => stopAll(subjects, [load, upstream])
  try {
    for (const name of options.only) {
      const subject = await SUBJECTS.get(name)?.({ job, directory, nodeOptions })
      if (subject) subjects.push(await settled(name, subject, job))
      else console.log(`SKIPPED: ${name} over ${transport}: not installed, or not offered`)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...{ job, subjects, directPort: plainPort, stop },
    load: async (work) => (await ask(load, work)) as LoadFigures,
  }
}

async function settled(name: string, subject: Subject, { token }: SwapJob): Promise<Running> {
  pin(subject.pid, CORE.subject)
  await checkDuty(name, subject, subject.token ?? token)
  return { ...subject, name, idleMegabytes: residentMegabytes(subject.pid) }
}

/** A proxy that lets every token through, or none, does another job than the others. */
async function checkDuty(name: string, subject: Subject, token: string): Promise<void> {
  const url = `http://127.0.0.1:${subject.port}${subject.prefix ?? ''}/v1/customers`
  const wrong = `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`
  const statuses = []
  for (const presented of [token, wrong]) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${presented}` } })
    await answer.arrayBuffer()
    statuses.push(answer.status)
  }
  if (statuses.join() !== '200,401') throw new Error(`${name} answered ${statuses.join()}`)
}

async function stopAll(subjects: readonly Subject[], children: readonly ChildProcess[]) {
  for (const subject of subjects) await subject.stop()
  for (const child of children) await endChild(child)
}
