/** One set-up at a time: two that interleave would each see half of what the other did. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../base/errors.ts'
import { makePrivateDirectory, type StateDirectory } from '../state-dir.ts'
import { writeOnce } from './durable-file.ts'

const POLL_MS = 50
/** Longer than a set-up takes that waits in vain for its service to start. */
const PATIENCE_MS = 60_000

export interface Turn {
  end(): void
}

/**
 * Makes the directory and waits until no other process is setting it up. Throws `state_locked` when one takes
 * too long. Like the lock of `serve`, it is an open transaction, which the kernel ends with the
 * process however that ends.
 */
export async function takeTurn(state: StateDirectory): Promise<Turn> {
  makePrivateDirectory(state.path)
  const path = join(state.path, 'init.db')
  writeOnce(path, '')
  const connection = new DatabaseSync(path, { timeout: 0 })
  const deadline = Date.now() + PATIENCE_MS
  while (!isTaken(connection)) {
    if (Date.now() >= deadline) {
      connection.close()
      throw new Failure('state_locked', `another \`init\` is busy with ${state.path}: try again`)
    }
    await sleep(POLL_MS)
  }
  return {
    end() {
      connection.close()
    },
  }
}

function isTaken(connection: DatabaseSync): boolean {
  try {
    connection.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) return false // SQLITE_BUSY
    throw error
  }
}
