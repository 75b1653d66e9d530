/**
 * Where findings become alerts: kept first, then acted on, recorded in the audit, and sent.
 * What one step leaves undone, because the disk is full or the process dies, is taken up again.
 */

import { setImmediate } from 'node:timers/promises'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Now } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import { newRequestId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import {
  ALERTS_KEPT_MS,
  KEYS_KEPT_MS,
  type Alert,
  type AlertPolicy,
  type KeyedFinding,
} from '../insight/alert.ts'
import type { AlertStore, MuteStore, PendingAction, Raise } from '../insight/alert-store.ts'
import type { AlertTarget } from '../insight/alert-target.ts'
import { planRaise } from '../insight/raise.ts'
import { AlertActions, type ActionParts, type RecordSystemChange } from './alert-actions.ts'
import type { Courier } from './courier.ts'

export interface AlertDeskParts {
  readonly alerts: AlertStore
  readonly mutes: Pick<MuteStore, 'list'>
  readonly audit: Pick<AuditLog, 'change'>
  readonly courier: Pick<Courier, 'wake'>
  readonly actions: ActionParts
  /** Both asked each time, since they may change without a restart. */
  readonly policy: () => AlertPolicy
  readonly targets: () => readonly Pick<AlertTarget, 'name' | 'wants'>[]
  readonly log: Log
  readonly now: Now
  /** How long to leave what cannot be finished now. */
  readonly troubleMs?: number
}

export interface AlertDesk {
  /**
   * Resolves when all of them are kept, whatever became of the rest. Rejects with
   * `database_unavailable`: then they are to be told again, which raises nothing twice.
   */
  take(findings: readonly KeyedFinding[]): Promise<void>
  /** Takes up what was left undone; forgets what is old. */
  resume(): Promise<void>
  close(): Promise<void>
}

const BATCH = 100
const TROUBLE_MS = 30_000
const HOUSEKEEPING_MS = 24 * 3_600_000

export function createAlertDesk(parts: AlertDeskParts): AlertDesk {
  return new Desk(parts)
}

class Desk implements AlertDesk {
  readonly #parts: AlertDeskParts
  readonly #actions: AlertActions
  /** Steps follow each other: nothing is recorded or done twice because two were at it. */
  #last: Promise<unknown> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  readonly #housekeeping: NodeJS.Timeout
  #isClosed = false

  constructor(parts: AlertDeskParts) {
    this.#parts = parts
    this.#actions = new AlertActions({
      ...parts.actions,
      ...{ alerts: parts.alerts, log: parts.log, now: parts.now },
      maxPerHour: () => parts.policy().maxActionsPerHour,
      recordChange: this.#recordChange,
      onWithheld: (pending) => this.#tellWithheld(pending),
    })
    this.#housekeeping = setInterval(() => void this.resume(), HOUSEKEEPING_MS).unref()
  }

  take(findings: readonly KeyedFinding[]): Promise<void> {
    return this.#inTurn(async () => {
      // Told again to the next process, which still has time for what follows.
      if (this.#isClosed) throw new Failure('database_unavailable', 'the server is stopping')
      for (let done = 0; done < findings.length; done += BATCH) {
        await this.#raise(findings.slice(done, done + BATCH))
        // The database answers at once, so that nothing else would get its turn in between.
        await setImmediate()
      }
      await this.#settle()
    })
  }

  resume(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#settle()
      await this.#prune()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#housekeeping)
    await this.#last
    clearTimeout(this.#retry)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #raise(findings: readonly KeyedFinding[]): Promise<void> {
    const { mutes, policy, targets, now } = this.#parts
    const at = now()
    const held = await mutes.list(at)
    const circumstances = { mutes: held, now: at, policy: policy(), targets: targets() }
    await this.#keep(findings.flatMap((finding) => planRaise(finding, circumstances) ?? []))
  }

  async #keep(raises: readonly Raise[]): Promise<void> {
    const { alerts, log } = this.#parts
    for (const raised of await alerts.raise(raises)) {
      if (!raised?.isNew) continue
      const { id, rule, agent, score, status } = raised.alert
      log.warn('alert_raised', { id, rule, agent, score, status })
      for (const target of raised.full) log.error('alert_queue_full', { id, target })
    }
  }

  /** Never throws: what is kept is not lost, and whoever told of it must not tell it forever. */
  async #settle(): Promise<void> {
    const steps = [() => this.#actions.act(), () => this.#record(), () => this.#actions.record()]
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        this.#retryLater(error)
      }
    }
    this.#parts.courier.wake()
  }

  async #record(): Promise<void> {
    const { alerts } = this.#parts
    for (;;) {
      const unrecorded = await alerts.unrecorded(BATCH)
      for (const alert of unrecorded) {
        await this.#recordAlert(alert)
        await alerts.markRecorded(alert.id)
      }
      if (unrecorded.length < BATCH) return
    }
  }

  async #recordAlert(alert: Alert): Promise<void> {
    const { id, rule, agent, tokenId, score, reason, requestId, muteId } = alert
    const details = { id, rule, score, reason, requestId: requestId ?? null }
    await this.#recordChange('alert.raise', {
      target: agent ?? tokenId ?? 'unknown',
      details: { ...details, ...(muteId !== undefined && { muteId }) },
    })
  }

  /** Says so once in a window, to every target, and no mute holds it back. */
  async #tellWithheld({ alert, action, target }: PendingAction): Promise<void> {
    const { policy, targets, now } = this.#parts
    const { maxActionsPerHour, windowMs } = policy()
    const reason = `${maxActionsPerHour} actions in an hour are the limit, so further ones are withheld, the first of them ${action} of ${target} (${alert.rule}); look, then act yourself`
    const raise: Raise = {
      key: `withheld ${alert.id} ${action} ${target}`,
      draft: { rule: 'actions_withheld', score: 1, reason, firstAt: now() },
      ...{ windowMs, now: now() },
      targets: targets().map(({ name }) => ({ name, minScore: 0 })),
    }
    await this.#keep([raise])
  }

  readonly #recordChange: RecordSystemChange = async (action, change) => {
    const { audit, now } = this.#parts
    await audit.change({
      ...change,
      ...{ action, at: now(), requestId: newRequestId(), operator: 'system' },
      ...{ result: 'done', source: 'local' },
    })
  }

  async #prune(): Promise<void> {
    const { alerts, now } = this.#parts
    try {
      await alerts.prune({ alerts: now() - ALERTS_KEPT_MS, keys: now() - KEYS_KEPT_MS })
    } catch (error) {
      this.#retryLater(error)
    }
  }

  #retryLater(error: unknown): void {
    const kind = error instanceof Failure ? error.code : 'unexpected'
    this.#parts.log.error('alert_step_failed', { kind })
    if (this.#isClosed) return
    clearTimeout(this.#retry)
    const delayMs = this.#parts.troubleMs ?? TROUBLE_MS
    this.#retry = setTimeout(() => void this.resume(), delayMs).unref()
  }
}
