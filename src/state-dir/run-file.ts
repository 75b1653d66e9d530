/** `run/serve.json`: which process serves this state directory, and where it listens. */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { StateDirectory } from '../state-dir.ts'
import { replaceFile } from './durable-file.ts'
import { readPrivateFile } from './privacy.ts'

const runSchema = z.object({
  pid: z.int().positive(),
  /** `http://127.0.0.1:8900`: the address that was really bound. */
  data: z.url(),
  control: z.url(),
  /** SHA-256 (hex) of the control plane's certificate, by which local commands know it. */
  controlCertificate: z.string().optional(),
  /** Services with a port of their own. */
  services: z.record(z.string(), z.url()),
  environment: z.string(),
  /** Epoch milliseconds; the same that `/-/live` answers. */
  startedAt: z.int(),
})

export type Run = Readonly<z.infer<typeof runSchema>>

/** Called when every listener is bound; the file is a hint, and `/-/live` the proof. */
export function writeRun(state: StateDirectory, run: Run): void {
  replaceFile(state.runFile, `${JSON.stringify(run, undefined, 2)}\n`)
}

/** Undefined when nothing serves, or what the file says cannot be understood. */
export function readRun(state: StateDirectory): Run | undefined {
  const text = readPrivateFile(state.runFile)
  return text === undefined ? undefined : runSchema.safeParse(asJson(text)).data
}

/** Removes the file of a process that ends, and leaves that of a successor alone. */
export function removeRun(state: StateDirectory, pid: number): void {
  if (readRun(state)?.pid === pid) rmSync(state.runFile, { force: true })
}

const ownerSchema = z.object({ pid: z.int().positive() })

/** The process that locked the directory, which it does before it listens; perhaps a dead one. */
export function readLockOwner({ path }: StateDirectory): number | undefined {
  const text = readPrivateFile(join(path, 'lock.json'))
  return text === undefined ? undefined : ownerSchema.safeParse(asJson(text)).data?.pid
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
