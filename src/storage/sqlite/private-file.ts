/** Database files are the owner's alone, before SQLite writes the first byte into them. */

import { closeSync, constants, fsyncSync, lstatSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure, systemErrorCode } from '../../base/errors.ts'

const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL

/**
 * Makes the file with mode 0600 if there is none, and throws `state_unsafe` for a symbolic link,
 * something that is no file, or a file that is not its user's alone. SQLite gives its side files
 * (-wal, -shm, -journal) the mode of the main one.
 *
 * A file that is there is looked at and not opened: closing a descriptor of it would drop the
 * POSIX locks that this very process holds on it.
 */
export function ensurePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, NEW_FILE, 0o600))
    syncDirectory(dirname(path))
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') {
      throw new Failure('database_unavailable', `${path} cannot be made`, { cause: error })
    }
    assertPrivate(path)
  }
}

function assertPrivate(path: string): void {
  const { mode, uid } = lstatSync(path)
  const isFile = (mode & constants.S_IFMT) === constants.S_IFREG
  if (!isFile) throw new Failure('state_unsafe', `${path} must be a plain file, not a link`)
  if ((mode & 0o077) !== 0 || uid !== process.geteuid?.()) {
    throw new Failure('state_unsafe', `${path} must be its user's alone: chmod 600 it`)
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
