/** One command at a time changes what is kept of checkpoints. */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { writeOnce } from '../state-dir/durable-file.ts'

const PATIENCE_MS = 2000

/** Makes the directory when it is missing. Throws when others take too long. */
export function whileLocked(directory: string, change: () => void): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const lock = takeLock(join(directory, 'lock.db'))
  try {
    change()
  } finally {
    lock.close()
  }
}

/** An open transaction: the kernel ends it with the process. */
function takeLock(path: string): DatabaseSync {
  if (!existsSync(path)) writeOnce(path, '')
  const lock = new DatabaseSync(path, { timeout: PATIENCE_MS })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}
