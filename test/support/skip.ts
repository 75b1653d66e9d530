/** A test that cannot run on this machine says so aloud: a silent skip looks like a pass. */

/** Returns whether to skip, and prints why. For `it.skipIf(skipUnless(...))`. */
export function skipUnless(isPossible: boolean, why: string): boolean {
  if (!isPossible) process.stderr.write(`SKIPPED: ${why}\n`)
  return !isPossible
}
