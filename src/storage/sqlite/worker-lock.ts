/**
 * Whether workers live: each holds a shared lock on `workers.db` as long as it does, and the
 * kernel frees it however the worker ends. A server that starts waits for those of a former one,
 * since two writers would ruin a journal and an old gate knows no new revocations.
 *
 * As with `lock.db`, nothing else in a process may open the file while the lock is held.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '../../base/errors.ts'
import { ensurePrivateFile } from './private-file.ts'

/** A worker notices at once that its server is gone; this is for one that the machine has stopped. */
const PATIENCE_MS = 5000

const pathIn = (directory: string): string => join(directory, 'workers.db')

/** Held until the process ends. Throws `state_locked` while a server makes sure that none lives. */
export function holdWorkerLock(directory: string): void {
  const connection = open(directory)
  try {
    connection.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
  } catch (cause) {
    connection.close()
    throw new Failure('state_locked', `another server starts in ${directory}`, { cause })
  }
  // Somebody must remember the connection: one that is collected as garbage is closed, its lock gone.
  process.once('exit', () => {
    connection.close()
  })
}

/** Waits, without yielding, until no worker of a former server lives; throws `state_locked`. */
export function awaitFormerWorkers(directory: string, patienceMs = PATIENCE_MS): void {
  if (!existsSync(pathIn(directory))) return
  const connection = open(directory, patienceMs)
  try {
    connection.exec('BEGIN EXCLUSIVE; COMMIT')
  } catch (cause) {
    throw new Failure('state_locked', `workers of a former server still use ${directory}`, {
      cause,
    })
  } finally {
    connection.close()
  }
}

function open(directory: string, patienceMs = PATIENCE_MS): DatabaseSync {
  const path = pathIn(directory)
  ensurePrivateFile(path)
  return new DatabaseSync(path, { timeout: patienceMs })
}
