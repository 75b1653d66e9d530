/** A test that cannot run on this machine says so aloud: a silent skip looks like a pass. */

import { spawnSync } from 'node:child_process'

/** Whether to skip, with the reason as a warning. For `it.skipIf(skipUnless(...))`. */
export function skipUnless(isPossible: boolean, why: string): boolean {
  if (!isPossible) process.emitWarning(`skipped: ${why}`)
  return !isPossible
}

/** Whether to skip for want of a program on the PATH. */
export function skipWithout(program: string): boolean {
  const isThere = spawnSync(program, ['--version']).error === undefined
  return skipUnless(isThere, `there is no ${program} here`)
}
