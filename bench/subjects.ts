/** Every proxy under test by the name that `--only` takes, in the order of the tables. */

import { join } from 'node:path'
import { ask, endChild, startChild } from './child.ts'
import { startCaddy } from './caddy.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'
import { startOurs, UNAUDITED } from './proxy.ts'
import type { StartSubject } from './subject.ts'

/** A subject in a file of this folder; its first message is its port. */
function onNode(file: string): StartSubject {
  return async ({ job, nodeOptions }) => {
    const child = startChild(file, nodeOptions)
    const port = Number(await ask(child, job))
    return { port, pid: child.pid ?? 0, stop: () => endChild(child) }
  }
}

export const SUBJECTS: ReadonlyMap<string, StartSubject> = new Map([
  ['nginx', startNginx],
  ['haproxy', startHaproxy],
  ['caddy', startCaddy],
  ['http-proxy', onNode('http-proxy.ts')],
  ['undici', onNode('bare.ts')],
  ['swap', onNode('swap.ts')],
  ['ours', startOurs()],
  ['ours-tmpfs', startOurs({ stateRoot: '/dev/shm' })],
  ['ours-unaudited', startOurs({ script: UNAUDITED })],
])

/** The preload that lets a subject be profiled. */
export const PROFILER = join(import.meta.dirname, 'profiler.ts')

export const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['nginx', 'one worker, a `map` from token to key'],
  ['haproxy', 'one thread, a map file from token to key'],
  ['caddy', '`GOMAXPROCS=1`, a header matcher'],
  ['http-proxy', 'the npm package on `node:http`, keep-alive agent'],
  ['undici', "`node:http` in front, undici's `dispatch` behind"],
  ['swap', 'our HTTP engine and upstream pool, one look-up, no other duty'],
  ['ours', 'apistronghold: token, scope, limits, vault, two audit records on disk per request'],
  ['ours-tmpfs', 'the same with its state directory on tmpfs'],
  ['ours-unaudited', 'the same with an audit that keeps nothing: what is left is not the journal'],
])
