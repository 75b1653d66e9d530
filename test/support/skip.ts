/** A test that cannot run on this machine says so aloud: a silent skip looks like a pass. */

/** Whether to skip, with the reason as a warning. For `it.skipIf(skipUnless(...))`. */
export function skipUnless(isPossible: boolean, why: string): boolean {
  if (!isPossible) process.emitWarning(`skipped: ${why}`)
  return !isPossible
}
