/** Helper processes of the benchmark: forked, asked one thing after another, pinned, ended. */

import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
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

/** Forks a file of this folder; `nodeOptions` go before its name. */
export function startChild(file: string, nodeOptions: readonly string[] = []): ChildProcess {
  return fork(join(import.meta.dirname, file), { execArgv: [...nodeOptions] })
}

/** Sends a job and waits for the next message; a child that ends instead is an error. */
export async function ask(child: ChildProcess, job: object): Promise<unknown> {
  const abort = new AbortController()
  const ended = once(child, 'exit', { signal: abort.signal }).then(() => {
    throw new Error('a process of the benchmark ended early')
  })
  ended.catch(() => undefined) // the losing side of the race
  const answer = once(child, 'message')
  child.send(job)
  try {
    const [message] = (await Promise.race([answer, ended])) as [unknown]
    return message
  } finally {
    abort.abort()
  }
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** A port for a program that cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
