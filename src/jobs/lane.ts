/** The way to one target: what is due goes out one after the other, what failed is tried again. */

import { Failure } from '../base/errors.ts'
import type { QueuedDelivery } from '../insight/alert-store.ts'
import type { AlertTarget, DeliveryProblem } from '../insight/alert-target.ts'
import type { CourierParts } from './courier-parts.ts'
import { nextAttemptAt } from './retries.ts'

export interface LaneParts extends CourierParts {
  /** Of the target. */
  readonly name: string
  /** Aborts when the courier closes. */
  readonly signal: AbortSignal
}

const BATCH = 20
/** After trouble with the database. */
const TROUBLE_MS = 30_000
/** Timers of days are not exact, and clocks may be set. */
const LONGEST_SLEEP_MS = 600_000

export class Lane {
  readonly #parts: LaneParts
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isWoken = false

  constructor(parts: LaneParts) {
    this.#parts = parts
  }

  wake(): void {
    clearTimeout(this.#timer)
    this.#isWoken = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // Somebody may have called while it was about to end.
      if (this.#isWoken && !this.#isClosing()) this.wake()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const { log, name } = this.#parts
    try {
      while (this.#isWoken && !this.#isClosing()) {
        this.#isWoken = false
        while (await this.#deliverBatch());
      }
      await this.#sleep()
    } catch (error) {
      const kind = error instanceof Failure ? error.code : 'unexpected'
      log.error('alert_lane_failed', { target: name, kind })
      this.#wakeIn(TROUBLE_MS)
    }
  }

  /** False when nothing is due, or there is nobody to deliver to. */
  async #deliverBatch(): Promise<boolean> {
    const { outbox, targets, name, now } = this.#parts
    const target = targets().find((candidate) => candidate.name === name)
    const due = target ? await outbox.due(name, now(), BATCH) : []
    for (const delivery of due) {
      if (!target || this.#isClosing()) return false
      await this.#deliver(target, delivery)
    }
    return due.length > 0
  }

  #isClosing(): boolean {
    return this.#parts.signal.aborted
  }

  async #deliver(target: AlertTarget, delivery: QueuedDelivery): Promise<void> {
    const { alerts, outbox, environment, now, signal, log } = this.#parts
    const { id, alertId, attempts } = delivery
    const alert = await alerts.find(alertId)
    const notice = alert && { id, alert, environment, at: now(), isTest: false }
    const sent = notice && (await target.deliver(notice, signal))
    if (sent?.ok === false) {
      // What closing cut short was no attempt.
      if (!signal.aborted) await this.#fail(delivery, sent.error)
      return
    }
    await outbox.remove(id)
    log.info('alert_delivered', { target: target.name, alert: alertId, attempts: attempts + 1 })
  }

  async #fail(delivery: QueuedDelivery, problem: DeliveryProblem): Promise<void> {
    const { outbox, now, log, name, retryDelayMs } = this.#parts
    const at = nextAttemptAt({ ...delivery, problem }, now(), retryDelayMs)
    const facts = { target: name, alert: delivery.alertId, problem: problem.problem }
    if (at === undefined) {
      await outbox.remove(delivery.id)
      log.error('alert_delivery_given_up', { ...facts, attempts: delivery.attempts + 1 })
      return
    }
    await outbox.postpone(delivery.id, at)
    const retryInSeconds = Math.ceil((at - now()) / 1000)
    log.warn('alert_not_delivered', { ...facts, attempts: delivery.attempts + 1, retryInSeconds })
  }

  async #sleep(): Promise<void> {
    const { outbox, name, now } = this.#parts
    const nextAt = await outbox.nextDueAt(name)
    if (nextAt !== undefined) this.#wakeIn(nextAt - now())
  }

  #wakeIn(delayMs: number): void {
    if (this.#isClosing()) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        this.wake()
      },
      Math.min(LONGEST_SLEEP_MS, Math.max(1, delayMs)),
    ).unref()
  }
}
