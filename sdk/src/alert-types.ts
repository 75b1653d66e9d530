/** Alerts and mutes as the control plane tells of them. */

export type AlertStatus = 'open' | 'acknowledged' | 'muted'

export interface AlertView {
  readonly id: string
  /** An anomaly rule, or `actions_withheld`. */
  readonly rule: string
  /** Absent where no token was recognised. */
  readonly agent?: string
  readonly tokenId?: string
  readonly requestId?: string
  /** Above 0 and at most 1. */
  readonly score: number
  readonly reason: string
  readonly firstAt: number
  readonly lastAt: number
  /** How often it was found within its window. */
  readonly count: number
  readonly status: AlertStatus
  readonly acknowledgedBy?: string
  readonly acknowledgedAt?: number
  readonly muteId?: string
  readonly actions: readonly {
    readonly action: 'suspend_token' | 'disable_agent'
    /** Id of the token or name of the agent. */
    readonly target: string
    readonly state: 'pending' | 'begun' | 'done' | 'unneeded' | 'withheld'
    readonly at: number
  }[]
}

export interface AlertFilter {
  readonly status?: AlertStatus
  readonly rule?: string
  readonly agent?: string
  /** Epoch milliseconds, inclusive: found then or later. */
  readonly since?: number
  readonly cursor?: string
  readonly limit?: number
}

/** At least one of `rule` and `agent`. */
export interface MuteRequest {
  readonly rule?: string
  readonly agent?: string
  /** Epoch milliseconds; at most 30 days from now. */
  readonly until: number
  readonly reason: string
}

export interface MuteView extends MuteRequest {
  readonly id: string
  readonly createdBy: string
  readonly createdAt: number
}

export interface AlertTargetReport {
  readonly target: string
  readonly delivered: boolean
  readonly problem?: string
}
