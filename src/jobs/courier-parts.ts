/** What the courier and its lanes are made of. */

import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { AlertOutbox, AlertStore } from '../insight/alert-store.ts'
import type { AlertTarget } from '../insight/alert-target.ts'

export interface CourierParts {
  readonly alerts: Pick<AlertStore, 'find'>
  readonly outbox: AlertOutbox
  /** Asked each time, since they may change without a restart. */
  readonly targets: () => readonly AlertTarget[]
  readonly environment: string
  readonly log: Log
  readonly now: Now
  /** How long to wait after so many attempts. */
  readonly retryDelayMs?: (attempts: number) => number
}
