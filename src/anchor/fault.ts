/** What the file system says, as an answer of the place that it is about. */

import { Failure, systemErrorCode } from '../base/errors.ts'

/** Throws `refused` in place of a system error, so that other places still get their turn. */
export function asRefusal<T>(path: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof Failure) throw error
    const why = systemErrorCode(error) ?? 'it failed'
    throw new Failure('refused', `${path} cannot be used: ${why}`, { cause: error })
  }
}
