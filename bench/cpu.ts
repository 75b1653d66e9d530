/** How much processor a process has used, all of its threads together. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const TICK_MICROSECONDS = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK']))

/** User and system time in microseconds, from /proc/PID/stat (proc(5): fields 14 and 15). */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, a name in brackets, may hold spaces; what follows it may not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS
}

/** Resident memory in megabytes. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024
}
