/** Helper processes of the benchmark: forked, pinned to a core where `taskset` is there, ended. */

import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The proxy under test gets one core for itself; load and upstream share the other. */
export const CORE = { subject: 0, rest: 1 } as const

/** Pins all threads of a process; false where there is no `taskset` or no second core. */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

/** Forks a file of this folder with one JSON job; the first message that it sends is `ready`. */
export async function startChild(
  file: string,
  job: object,
): Promise<{ readonly child: ChildProcess; readonly ready: unknown }> {
  const child = fork(join(import.meta.dirname, file))
  child.send(job)
  const [ready] = (await once(child, 'message')) as [unknown]
  return { child, ready }
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}
