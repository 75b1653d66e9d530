/**
 * Alerts: findings as people meet them. The same rule about the same agent is one alert for a
 * window of time, however often it finds something; a mute keeps it quiet, a policy lets it act.
 */

import { shorten } from '../audit/text.ts'
import type { AnomalyRule, Finding } from './watch.ts'

const RULES: Readonly<Record<AnomalyRule, true>> = {
  new_operation: true,
  new_source: true,
  new_user_agent: true,
  unusual_rate: true,
  refusal_burst: true,
  scope_probing: true,
  unusual_hour: true,
  dead_token: true,
  two_places: true,
  exfiltration: true,
  credential_echo: true,
  large_payload: true,
  issuing_burst: true,
}

export const ANOMALY_RULES = Object.keys(RULES) as readonly AnomalyRule[] // the keys of a literal

/** Beside the anomalies: that actions were held back, and a try of the way to a target. */
export type AlertRule = AnomalyRule | 'actions_withheld' | 'test'

/** Those of which alerts are kept. */
export const ALERT_RULES = [...ANOMALY_RULES, 'actions_withheld'] as const

/** A finding under a key that is the same however often it is told. */
export interface KeyedFinding extends Finding {
  readonly key: string
}

/** What an alert does besides being raised. */
export const ALERT_ACTIONS = ['suspend_token', 'disable_agent'] as const
export type AlertAction = (typeof ALERT_ACTIONS)[number]

/**
 * `begun`: takes effect, and the audit has yet to hold it; `unneeded`: the token or the agent was
 * dead already; `withheld`: there were too many in the last hour.
 */
export const ACTION_STATES = ['pending', 'begun', 'done', 'unneeded', 'withheld'] as const
export type ActionState = (typeof ACTION_STATES)[number]

export interface ActionTaken {
  readonly action: AlertAction
  /** Id of the token or name of the agent. */
  readonly target: string
  readonly state: ActionState
  /** Epoch ms: when it came to this state. */
  readonly at: number
}

export const ALERT_STATUSES = ['open', 'acknowledged', 'muted'] as const
export type AlertStatus = (typeof ALERT_STATUSES)[number]

export interface Alert {
  readonly id: string
  readonly rule: AlertRule
  /** Absent where no token was recognised. */
  readonly agent?: string
  readonly tokenId?: string
  /** Of the finding with the highest score, as are the token and the reason. */
  readonly requestId?: string
  /** The highest of its findings; above 0 and at most 1. */
  readonly score: number
  readonly reason: string
  /** Epoch ms: times of its findings. */
  readonly firstAt: number
  readonly lastAt: number
  readonly count: number
  readonly status: AlertStatus
  readonly acknowledgedBy?: string
  readonly acknowledgedAt?: number
  /** The mute that kept it quiet. */
  readonly muteId?: string
  readonly actions: readonly ActionTaken[]
}

export type AlertDraft = Pick<
  Alert,
  'rule' | 'agent' | 'tokenId' | 'requestId' | 'score' | 'reason' | 'firstAt'
>

/** Keeps quiet what fits both; a member that is absent fits all. At least one is there. */
export interface Mute {
  readonly id: string
  readonly rule?: AlertRule
  readonly agent?: string
  /** Epoch ms, exclusive. */
  readonly until: number
  readonly reason: string
  readonly createdBy: string
  readonly createdAt: number
}

export interface AlertPolicy {
  /** How long the same rule about the same agent is one alert. */
  readonly windowMs: number
  /** Rules that do more than raise alerts. */
  readonly actions: ReadonlyMap<AnomalyRule, AlertAction>
  /** Of either kind; what is above it is withheld. */
  readonly maxActionsPerHour: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A finding about a time before this is listed, but neither acts nor is delivered. */
export const LATE_AFTER_MS = DAY_MS
/** One about a time before this is dropped: the keys of what was told are kept a day longer. */
export const FORGOTTEN_AFTER_MS = 30 * DAY_MS
export const KEYS_KEPT_MS = FORGOTTEN_AFTER_MS + DAY_MS
/** As long as the audit's own records, unless set otherwise. */
export const ALERTS_KEPT_MS = 400 * DAY_MS
export const ACTIONS_COUNTED_MS = HOUR_MS

const MAX_REASON_LENGTH = 500

/** What alerts are told apart by, within a window. */
export function subjectOf({ rule, agent = '' }: Pick<AlertDraft, 'rule' | 'agent'>): string {
  return `${rule} ${agent}`
}

export function draftOf(finding: Finding): AlertDraft {
  const { rule, agent, tokenId, requestId, score, reason, at } = finding
  return {
    rule,
    ...(agent !== undefined && { agent }),
    ...(tokenId !== undefined && { tokenId }),
    ...(requestId !== undefined && { requestId }),
    score,
    reason: shorten(reason, MAX_REASON_LENGTH),
    firstAt: at,
  }
}

export function isMutedBy(
  { rule, agent }: Pick<AlertDraft, 'rule' | 'agent'>,
  mute: Mute,
  now: number,
): boolean {
  return (
    now < mute.until &&
    (mute.rule === undefined || mute.rule === rule) &&
    (mute.agent === undefined || mute.agent === agent)
  )
}

/** What the policy does about a finding; undefined also where there is nothing to do it to. */
export function actionFor(
  { actions }: Pick<AlertPolicy, 'actions'>,
  { rule, agent, tokenId }: Pick<Finding, 'rule' | 'agent' | 'tokenId'>,
): Pick<ActionTaken, 'action' | 'target'> | undefined {
  const action = actions.get(rule)
  const target = action === 'suspend_token' ? tokenId : agent
  return action && target !== undefined ? { action, target } : undefined
}
