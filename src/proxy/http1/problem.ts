/** Why bytes are no message we speak. */

import { err } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'

export interface HeadProblem {
  readonly status: 400 | 405 | 408 | 413 | 414 | 417 | 431 | 501 | 505
  /** In words, without anything the sender wrote. */
  readonly problem: string
}

/** A refusal of a head. */
export function bad(status: HeadProblem['status'], problem: string): Result<never, HeadProblem> {
  return err({ status, problem })
}
