/** Where alerts, mutes and undelivered notices are kept. Passes test/contract/alert-store.ts. */

import type {
  ActionState,
  ActionTaken,
  Alert,
  AlertDraft,
  AlertRule,
  AlertStatus,
  Mute,
} from './alert.ts'

/** Who wants to be told, from which score on. */
export interface ToldTarget {
  readonly name: string
  readonly minScore: number
}

/** A finding with everything that follows from it. */
export interface Raise {
  /** The finding's; nothing happens for one that is known. */
  readonly key: string
  readonly draft: AlertDraft
  readonly windowMs: number
  /** Of the mute that keeps it quiet. */
  readonly muteId?: string
  /** Done once for an alert and its target. */
  readonly action?: Pick<ActionTaken, 'action' | 'target'>
  /** Names of targets that want it. */
  readonly targets: readonly ToldTarget[]
  readonly now: number
}

export interface Raised {
  readonly alert: Alert
  /** False: it counts up one that was there. */
  readonly isNew: boolean
  /** Targets whose queue is full, which will not be told. */
  readonly full: readonly string[]
}

export interface AlertQuery {
  readonly status?: AlertStatus
  readonly rule?: AlertRule
  readonly agent?: string
  /** Epoch ms, inclusive: alerts whose last finding is not older. */
  readonly since?: number
}

export interface AlertPage {
  readonly items: readonly Alert[]
  readonly nextCursor?: string
}

export interface PendingAction extends Pick<ActionTaken, 'action' | 'target'> {
  readonly alert: Alert
}

export interface AlertStore {
  /**
   * All of them or none, in their order; undefined for a key that is known. Muted and other
   * alerts never count each other up. Targets are told of a new alert, or when it comes to their
   * lowest score; its reason, token and request are those of the finding with the highest.
   */
  raise(raises: readonly Raise[]): Promise<readonly (Raised | undefined)[]>
  find(id: string): Promise<Alert | undefined>
  /** Newest first; `cursor` continues a former page, `limit` is at most 1000. */
  list(query: AlertQuery, page: { limit: number; cursor?: string }): Promise<AlertPage>
  /** The first acknowledgement stays. Undefined when there is no such alert. */
  acknowledge(id: string, by: string, at: number): Promise<Alert | undefined>
  /** Alerts that the audit was not told of yet, oldest first. */
  unrecorded(limit: number): Promise<readonly Alert[]>
  markRecorded(id: string): Promise<void>
  /** Oldest first. */
  actionsIn(state: 'pending' | 'begun', limit: number): Promise<readonly PendingAction[]>
  settleAction(
    pending: PendingAction,
    state: Exclude<ActionState, 'pending'>,
    at: number,
  ): Promise<void>
  /** Actions that were begun or done since then. */
  countActions(since: number): Promise<number>
  /** Forgets alerts whose last finding is older, and keys that were told before. */
  prune(before: { readonly alerts: number; readonly keys: number }): Promise<void>
}

export interface MuteStore {
  insert(mute: Mute): Promise<void>
  find(id: string): Promise<Mute | undefined>
  /** Those that hold now, the next to end first. A row that was forged counts as absent. */
  list(now: number): Promise<readonly Mute[]>
  /** False when there was none. */
  remove(id: string): Promise<boolean>
}

/** One alert on its way to one target. */
export interface QueuedDelivery {
  /** `msg_...` */
  readonly id: string
  readonly alertId: string
  readonly queuedAt: number
  /** So far. */
  readonly attempts: number
}

/** How many notices may wait for one target. */
export const MAX_QUEUED = 1000

/** `AlertStore.raise` fills it. */
export interface AlertOutbox {
  due(target: string, now: number, limit: number): Promise<readonly QueuedDelivery[]>
  /** Epoch ms; undefined when nothing waits. */
  nextDueAt(target: string): Promise<number | undefined>
  postpone(id: string, nextAt: number): Promise<void>
  /** It arrived, or was given up. */
  remove(id: string): Promise<void>
  /** Removes what waits for targets that are no longer there; returns how many. */
  keepOnly(targets: readonly string[]): Promise<number>
}
