/** Whether a file or directory is ours alone. What is not is refused, with the command that mends it. */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs'
import { Failure, systemErrorCode } from '../base/errors.ts'

const OTHERS = 0o077

/** Throws `state_unsafe` unless it is a directory of ours that nobody else may enter. */
export function assertPrivateDirectory(path: string): void {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) throw unsafe(path, 'is a symbolic link: name the directory itself')
  if (!found.isDirectory()) throw unsafe(path, 'is not a directory')
  assertOwnAndClosed(path, found, '700')
}

/** Throws `state_unsafe` unless it is a plain file of ours that nobody else may read. */
export function assertPrivateFile(path: string): void {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) throw unsafe(path, 'is a symbolic link: put the file itself there')
  if (!found.isFile()) throw unsafe(path, 'is not a regular file')
  assertOwnAndClosed(path, found, '600')
}

/** The text of a private file, checked on the open file itself; undefined when there is none. */
export function readPrivateFile(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unsafe(path, 'is a symbolic link: put the file itself there')
    throw error
  }
  try {
    const found = fstatSync(file)
    if (!found.isFile()) throw unsafe(path, 'is not a regular file')
    assertOwnAndClosed(path, found, '600')
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function assertOwnAndClosed(path: string, { uid, mode }: Stats, wanted: string): void {
  const own = process.geteuid?.()
  if (own !== undefined && uid !== own)
    throw unsafe(path, `belongs to user ${uid}, not to user ${own}: run as its owner, or chown it`)
  if ((mode & OTHERS) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    throw unsafe(path, `is open to other users (mode ${octal}): run chmod ${wanted} ${quote(path)}`)
  }
}

function unsafe(path: string, problem: string): Failure {
  return new Failure('state_unsafe', `${path} ${problem}`)
}

/** For a command line that is to be pasted. */
function quote(path: string): string {
  return /^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
