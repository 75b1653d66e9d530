/**
 * A full disk for one process: with a file size limit of zero each write to a file fails, and
 * with the limit gone the next one works, as when somebody made room.
 */

import { execFileSync } from 'node:child_process'

function limitFiles(pid: number, soft: string): void {
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${soft}:`])
}

/** False where the system has no `prlimit`. */
export function canFillDisk(): boolean {
  try {
    limitFiles(process.pid, 'unlimited')
    return true
  } catch {
    return false
  }
}

export const fillDisk = (pid: number): void => {
  limitFiles(pid, '0')
}

export const freeDisk = (pid: number): void => {
  limitFiles(pid, 'unlimited')
}
