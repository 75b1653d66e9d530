/** Where alerts are delivered: the contract of a target, and which alerts it wants. */

import type { Result } from '../base/result.ts'
import type { Alert, AlertDraft, AlertRule } from './alert.ts'

export interface AlertFilter {
  /** Absent: all. */
  readonly rules?: ReadonlySet<AlertRule>
  readonly minScore: number
}

/** One delivery of one alert. */
export interface AlertNotice {
  /** `msg_...`: the same at each attempt, so that a receiver can tell a repeat. */
  readonly id: string
  readonly alert: Alert
  readonly environment: string
  /** Epoch ms: when it is sent. */
  readonly at: number
  /** Sent by `alert test`; nothing happened. */
  readonly isTest: boolean
}

export interface DeliveryProblem {
  /** In words for the log and the operator; no address, secret or answer. */
  readonly problem: string
  /** Trying again is of no use. */
  readonly isFinal?: boolean
  /** What the receiver asked for. */
  readonly retryAfterSeconds?: number
}

export type Delivered = Result<undefined, DeliveryProblem>

export interface AlertTarget {
  /** Unique in the configuration. */
  readonly name: string
  readonly wants: AlertFilter
  /** Bounded in time; never throws. */
  deliver(notice: AlertNotice, signal: AbortSignal): Promise<Delivered>
}

export function isWanted({ rules, minScore }: AlertFilter, draft: AlertDraft): boolean {
  return draft.score >= minScore && (rules === undefined || rules.has(draft.rule))
}
