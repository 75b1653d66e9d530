/** What somebody who owns a process can read out of it: its environment, heap, memory and size. */

import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../../src/base/errors.ts'

/** Arguments for a Node that writes a heap snapshot into its directory when asked by signal. */
export const SNAPSHOT_ARGUMENTS: readonly string[] = ['--heapsnapshot-signal=SIGUSR2']

export const readEnvironment = (pid: number): Buffer => readFileSync(`/proc/${pid}/environ`)

/**
 * How much resident memory a process has taken at the most, beyond what it has now, by the time the
 * returned function is called. The kernel keeps the peak, so that none is missed. Linux only.
 */
export function watchGrowth(pid: number): () => number {
  writeFileSync(`/proc/${pid}/clear_refs`, '5') // the peak becomes what is resident now
  const before = peakResidentBytes(pid)
  return () => peakResidentBytes(pid) - before
}

function peakResidentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
}

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

/**
 * What a core would hold: each stretch of memory that the process could have written to, one
 * after the other. Throws where this user may not look.
 */
export function* readMemory(pid: number): Generator<Buffer> {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const { start, length } of writableStretches(pid)) {
      const bytes = Buffer.alloc(length)
      const read = readStretch(memory, bytes, start)
      yield bytes.subarray(0, read)
    }
  } finally {
    closeSync(memory)
  }
}

/** `55d0c000-55d0d000 rw-p ...` per line; all of a process on Linux. */
function writableStretches(pid: number): { readonly start: number; readonly length: number }[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n')
  return lines.flatMap((line) => {
    const { from, to } = /^(?<from>[0-9a-f]+)-(?<to>[0-9a-f]+) rw/.exec(line)?.groups ?? {}
    if (from === undefined || to === undefined) return []
    const start = parseInt(from, 16)
    return { start, length: parseInt(to, 16) - start }
  })
}

/** A stretch may go away between its listing and its reading. */
function readStretch(memory: number, bytes: Buffer, start: number): number {
  try {
    return readSync(memory, bytes, { position: start })
  } catch (error) {
    if (systemErrorCode(error) === 'EIO') return 0
    throw error
  }
}
