/**
 * Small files that are whole or absent, whatever happens in between, and private whatever the
 * umask: written beside their place, synced, moved there, and the directory synced.
 */

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Failure, systemErrorCode } from '../base/errors.ts'

export const PRIVATE_FILE = 0o600

/** Replaces the file. Throws `state_unsafe` where a symbolic link stands in its place. */
export function replaceFile(path: string, text: string, mode = PRIVATE_FILE): void {
  refuseLink(path)
  const temporary = writeBeside(path, text, mode)
  try {
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

/** Writes the file unless there is one; says whether it did. What is there is never touched. */
export function writeOnce(path: string, text: string): boolean {
  const temporary = writeBeside(path, text, PRIVATE_FILE)
  try {
    linkSync(temporary, path) // unlike rename, this fails when the name is taken
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(temporary, { force: true })
    syncDirectory(dirname(path))
  }
}

/** Removes what killed processes left beside their files. */
export function sweepLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const { pid } = TEMPORARY.exec(name)?.groups ?? {}
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true })
  }
}

/** Says by its name whose it is, so that a running process's file is left alone. */
const TEMPORARY = /^\..+\.(?<pid>\d+)\.[0-9a-f]{12}\.new$/

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH'
  }
}

function writeBeside(path: string, text: string, mode: number): string {
  const unique = randomBytes(6).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${unique}.new`)
  const file = openSync(temporary, 'wx', mode)
  try {
    fchmodSync(file, mode) // the umask may have taken bits away
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return temporary
}

function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new Failure('state_unsafe', `${path} is a symbolic link and is not written through`)
}

export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
