/** Database files are the owner's alone, before SQLite writes the first byte into them. */

import { closeSync, constants, fstatSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure, systemErrorCode } from '../../base/errors.ts'

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

/**
 * Makes the file with mode 0600 if there is none, and throws `state_unsafe` for a symbolic link,
 * something that is no file, or a file that others can read. SQLite gives its side files (-wal,
 * -shm, -journal) the mode of the main one.
 */
export function ensurePrivateFile(path: string): void {
  const descriptor = open(path)
  try {
    const { mode, uid } = fstatSync(descriptor)
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG
    if (!isFile || (mode & 0o077) !== 0 || uid !== process.geteuid?.()) {
      throw new Failure('state_unsafe', `${path} must be a file of its user alone: chmod 600 it`)
    }
  } finally {
    closeSync(descriptor)
  }
  syncDirectory(dirname(path))
}

function open(path: string): number {
  try {
    return openSync(path, FLAGS, 0o600)
  } catch (error) {
    if (systemErrorCode(error) === 'ELOOP') {
      throw new Failure('state_unsafe', `${path} is a symbolic link`)
    }
    throw new Failure('database_unavailable', `${path} cannot be opened`, { cause: error })
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
