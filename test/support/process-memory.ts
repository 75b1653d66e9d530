/** What somebody who owns a process could read out of it: its environment, its heap, its core. */

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Arguments for a Node that writes a heap snapshot into its directory when asked by signal. */
export const SNAPSHOT_ARGUMENTS: readonly string[] = ['--heapsnapshot-signal=SIGUSR2']

export const readEnvironment = (pid: number): Buffer => readFileSync(`/proc/${pid}/environ`)

/** Asks a process that runs in `directory` for a heap snapshot, and takes it away. */
export async function takeHeapSnapshot(pid: number, directory: string): Promise<Buffer> {
  process.kill(pid, 'SIGUSR2')
  const deadline = Date.now() + 20_000
  while (Date.now() < deadline) {
    const name = readdirSync(directory).find((each) => each.endsWith('.heapsnapshot'))
    const snapshot = name && readFileSync(join(directory, name))
    if (snapshot && isComplete(snapshot)) {
      rmSync(join(directory, name))
      return snapshot
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the process wrote no heap snapshot')
}

/** The file grows while it is written; its last part is the table of strings. */
function isComplete(snapshot: Buffer): boolean {
  return snapshot.subarray(-16).toString().trimEnd().endsWith(']}')
}

/** A core of the process, or undefined where gdb's gcore is missing or may not look. */
export async function takeCore(pid: number, directory: string): Promise<Buffer | undefined> {
  const prefix = join(directory, 'core')
  try {
    await promisify(execFile)('gcore', ['-o', prefix, String(pid)], { timeout: 30_000 })
    return readFileSync(`${prefix}.${pid}`)
  } catch {
    return undefined
  } finally {
    rmSync(`${prefix}.${pid}`, { force: true })
  }
}
