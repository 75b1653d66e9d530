/**
 * One process owns a state directory: an open exclusive transaction on `lock.db`. The kernel
 * frees it however the process ends, so there is never a stale lock to clear by hand.
 *
 * Who owns it stands in `lock.json` beside it, for the one who comes second. Nothing else in
 * this process may open `lock.db`: closing any descriptor of it would drop the kernel's lock.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../../base/errors.ts'
import { ensurePrivateFile } from './private-file.ts'

export interface LockOwner {
  readonly pid: number
  /** As the operator would type it, `serve`. */
  readonly command: string
  /** Where the planes listen, as text; absent for a command that does not listen. */
  readonly data?: string
  readonly control?: string
}

export interface StateLock {
  release(): void
}

const OWNER = z.object({
  pid: z.int().positive(),
  command: z.string(),
  data: z.string().exactOptional(),
  control: z.string().exactOptional(),
})

/** Two that come at the same instant keep each other out once; then one of them is quicker. */
const PATIENCE_MS = 500

/** Takes the lock; throws `state_locked`, naming the owner, when another process has it. */
export function lockState(directory: string, owner: LockOwner): StateLock {
  const path = join(directory, 'lock.db')
  ensurePrivateFile(path)
  const connection = new DatabaseSync(path, { timeout: PATIENCE_MS })
  try {
    connection.exec('BEGIN EXCLUSIVE')
    writeOwner(directory, owner)
  } catch (error) {
    connection.close()
    throw isBusy(error) ? lockedBy(directory) : error
  }
  return {
    release() {
      if (connection.isOpen) connection.close()
    },
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5 // SQLITE_BUSY
}

function writeOwner(directory: string, owner: LockOwner): void {
  const path = join(directory, 'lock.json')
  const draft = `${path}.${owner.pid}`
  writeFileSync(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(draft, path)
}

function lockedBy(directory: string): Failure {
  const owner = readOwner(directory)
  if (!owner) return new Failure('state_locked', `another process uses ${directory}`)
  const { pid, command, data, control } = owner
  const places = [data && `data plane ${data}`, control && `control plane ${control}`]
  const listening = places.filter((place) => place !== undefined).join(', ')
  const what = listening === '' ? command : `${command}: ${listening}`
  return new Failure('state_locked', `process ${pid} (${what}) uses ${directory}`)
}

/** Undefined when the owner has not written it yet, and only a former one's name stands there. */
function readOwner(directory: string): LockOwner | undefined {
  try {
    const text = readFileSync(join(directory, 'lock.json'), 'utf8')
    const owner = OWNER.safeParse(JSON.parse(text)).data
    return owner && isAlive(owner.pid) ? owner : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'
  }
}
