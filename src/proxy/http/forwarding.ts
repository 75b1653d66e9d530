/** What a request is once it was admitted: all that its way there and back needs. */

import type { SecretField } from '../../catalog/answer-secrets.ts'
import type { Operation } from '../../catalog/catalog.ts'
import type { ValueSearch } from '../../secret/value-search.ts'
import type { Admission } from '../admission.ts'
import type { BodyShare } from '../body-budget.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import type { DescribeParameters } from './access.ts'
import type { Directory } from './directory.ts'
import type { HeldBody } from './facts.ts'
import type { HeaderList } from './headers.ts'
import type { Problem } from './problem.ts'
import type { SignedHead } from './signature.ts'

/** An admitted request, ready to leave. */
export interface Forwarding {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly directory: Directory
  readonly operation: Operation
  /** The door's own segment, as `/stripe`, or nothing. */
  readonly prefix: string
  readonly headers: HeaderList
  readonly held: HeldBody | undefined
  /** How its client signed it; undefined where it did not. */
  readonly signed: SignedHead | undefined
  /** Of the answer, which this token may not see: empty for nearly all. */
  readonly maskedFields: readonly SecretField[]
  /** Of the memory for bodies, also for an answer that has to be held. */
  readonly share: BodyShare
  /** `performance.now()` when the head had come. */
  readonly startedAt: number
  readonly admission: Admission
  readonly describeParameters: DescribeParameters
  /** The values that are looked for in its body. */
  readonly stored: ValueSearch
  /** Sends an answer of ours; does nothing once something was sent. */
  answer(problem: Problem): void
}
