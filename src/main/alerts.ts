/** Alerts of one server: the desk that findings go to, and the courier that brings them out. */

import { systemNow } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { KeyedFinding } from '../insight/alert.ts'
import { createAlertDesk } from '../jobs/alert-desk.ts'
import { createCourier, type TargetReport } from '../jobs/courier.ts'
import type { Gates } from '../policy/gate.ts'
import { alertTargetsOf } from './alert-targets.ts'
import { createPrintLine } from './print-line.ts'
import type { LiveSettings } from './settings.ts'
import type { OpenState } from './state.ts'

export interface AlertParts {
  readonly settings: LiveSettings
  readonly state: Pick<OpenState, 'stores' | 'journal' | 'credentials'>
  readonly gates: Gates
  readonly log: Log
}

export interface Alerts {
  /** Resolves when they are kept; rejects when they must be told again, which raises none twice. */
  onFinding(findings: readonly KeyedFinding[]): Promise<void>
  /** Sends a test to every target and says what became of it. */
  test(): Promise<readonly TargetReport[]>
  /** The files were read again. */
  reload(): void
  close(): Promise<void>
}

/** Takes up what a former process left undone. Throws `config_invalid`. */
export function openAlerts({ settings, state, gates, log }: AlertParts): Alerts {
  const { stores, journal, credentials } = state
  const print = createPrintLine(process.stdout)
  const readTargets = () => alertTargetsOf({ config: settings.current.config, credentials, print })
  let targets = readTargets()
  const courier = createCourier({
    ...{ alerts: stores.alerts, outbox: stores.outbox, log, now: systemNow },
    targets: () => targets,
    environment: settings.current.config.environment,
  })
  const desk = createAlertDesk({
    ...{ alerts: stores.alerts, mutes: stores.mutes, audit: journal, courier, log, now: systemNow },
    actions: { ...stores, gates },
    policy: () => settings.current.config.alerts.policy,
    targets: () => targets,
  })
  void desk.resume()
  return {
    onFinding: (findings) => desk.take(findings),
    test: () => courier.test(),
    reload() {
      try {
        targets = readTargets()
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        log.error('alert_targets_kept', { problem: error.message })
      }
      courier.wake()
    },
    async close() {
      await desk.close()
      await courier.close()
    },
  }
}
