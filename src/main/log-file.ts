/**
 * The log of the background service, which `start` opens and all its processes share: once it is
 * large its lines move to a second file, so that two bound it. Nobody else's file is touched.
 */

import { copyFileSync, fstatSync, ftruncateSync, lstatSync, rmSync } from 'node:fs'
import type { Log } from '../base/log.ts'

export interface LogFileParts {
  /** What lines are written to: standard error. */
  readonly fd?: number
  /** Where the log of the background service lies, and where its older lines go. */
  readonly path: string
  readonly formerPath: string
  readonly log: Log
}

const STDERR = 2
const MAX_BYTES = 8 * 1024 * 1024
const EVERY_MS = 10_000

/** Looks now and then, as long as the process lives. */
export function boundLogFile(parts: LogFileParts): void {
  cutLogFile(parts)
  setInterval(() => {
    cutLogFile(parts)
  }, EVERY_MS).unref()
}

/**
 * The file is cut, not renamed, since it stays open in several processes. What a worker writes
 * between the copy and the cut is lost. Never throws.
 */
export function cutLogFile({ fd = STDERR, path, formerPath, log }: LogFileParts): void {
  try {
    const { size } = fstatSync(fd)
    if (size <= MAX_BYTES || !isSameFile(fd, path)) return
    const isKept = keep(path, formerPath)
    ftruncateSync(fd)
    log.info('log_cut', { bytes: size, kept: isKept })
  } catch {
    // closed, or its folder is gone: then there is nothing to bound
  }
}

function isSameFile(fd: number, path: string): boolean {
  const [open, named] = [fstatSync(fd), lstatSync(path)]
  return open.isFile() && open.dev === named.dev && open.ino === named.ino
}

/** A disk that has no room for the copy needs the cut all the more. */
function keep(path: string, formerPath: string): boolean {
  try {
    rmSync(formerPath, { force: true })
    copyFileSync(path, formerPath) // with its mode
    return true
  } catch {
    rmSync(formerPath, { force: true })
    return false
  }
}
