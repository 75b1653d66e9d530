/**
 * What alerts do by policy, on the same way as an operator's command: first all that takes power
 * away, then the records of it, so that no disk keeps a stolen token alive. A suspended token is
 * held until an operator resumes it; what a disabled agent held is revoked for good.
 */

import type { Log } from '../base/log.ts'
import type { Now } from '../base/clock.ts'
import { ACTIONS_COUNTED_MS, type ActionTaken } from '../insight/alert.ts'
import type { AlertStore, PendingAction } from '../insight/alert-store.ts'
import type { AgentStore } from '../policy/agent-store.ts'
import { revokeAgent, suspendToken, type RevocationParts, type Revoked } from '../policy/revoke.ts'

export interface ActionParts extends RevocationParts {
  readonly agents: Pick<AgentStore, 'find'>
}

export interface AlertActionsParts extends ActionParts {
  readonly alerts: Pick<AlertStore, 'actionsIn' | 'settleAction' | 'countActions'>
  /** Asked each time. */
  readonly maxPerHour: () => number
  /** A `change` record by the system; throws `audit_unavailable`. */
  readonly recordChange: RecordSystemChange
  /** Told of what the bound held back. */
  readonly onWithheld: (pending: PendingAction) => Promise<void>
  readonly log: Log
  readonly now: Now
}

export type RecordSystemChange = (
  action: string,
  change: { readonly target: string; readonly details: Readonly<Record<string, unknown>> },
) => Promise<void>

/** As operators' own changes are called in the audit. */
const CHANGE_NAMES = { suspend_token: 'token.suspend', disable_agent: 'agent.disable' } as const
const BATCH = 100

export class AlertActions {
  readonly #parts: AlertActionsParts
  /** What came of those that the audit has yet to hold; a process that died has forgotten it. */
  readonly #effects = new Map<string, Revoked>()

  constructor(parts: AlertActionsParts) {
    this.#parts = parts
  }

  /** Does what is pending. Throws when something could not be done, once all was tried. */
  async act(): Promise<void> {
    const pending = await this.#parts.alerts.actionsIn('pending', BATCH)
    const trouble: unknown[] = []
    for (const action of pending) {
      try {
        await this.#actOn(action)
      } catch (error) {
        trouble.push(error)
      }
    }
    if (trouble.length > 0) throw trouble[0]
    if (pending.length === BATCH) await this.act()
  }

  /** Tells the audit of what was done; throws as soon as it cannot be told. */
  async record(): Promise<void> {
    const { alerts, now, recordChange } = this.#parts
    const begun = await alerts.actionsIn('begun', BATCH)
    for (const pending of begun) {
      // Twice is done, and tells again what the revocation was.
      const revoked = this.#effects.get(keyOf(pending)) ?? (await perform(this.#parts, pending))
      const details = { ...causeOf(pending), ...(revoked && effectOf(revoked)) }
      const { target } = pending
      await recordChange(CHANGE_NAMES[pending.action], { target, details })
      await alerts.settleAction(pending, 'done', now())
      this.#effects.delete(keyOf(pending))
    }
    if (begun.length === BATCH) await this.record()
  }

  async #actOn(pending: PendingAction): Promise<void> {
    const { alerts, now, log, onWithheld } = this.#parts
    if (!(await isNeeded(this.#parts, pending))) {
      await alerts.settleAction(pending, 'unneeded', now())
      return
    }
    if (await isTooMuch(this.#parts)) {
      await alerts.settleAction(pending, 'withheld', now())
      await onWithheld(pending)
      return
    }
    await alerts.settleAction(pending, 'begun', now())
    const revoked = await perform(this.#parts, pending)
    if (revoked) this.#effects.set(keyOf(pending), revoked)
    const { alert, action, target } = pending
    log.warn('alert_acted', { id: alert.id, rule: alert.rule, action, target, cut: revoked?.cut })
  }
}

type Target = Pick<ActionTaken, 'action' | 'target'>

function keyOf({ alert, action, target }: PendingAction): string {
  return `${alert.id} ${action} ${target}`
}

/** A baseline that somebody poisoned must not shut down everything that works here. */
async function isTooMuch({ alerts, maxPerHour, now }: AlertActionsParts): Promise<boolean> {
  return (await alerts.countActions(now() - ACTIONS_COUNTED_MS)) >= maxPerHour()
}

/** False where there is nothing alive to do it to. */
async function isNeeded(
  { grants, gates, agents, now }: AlertActionsParts,
  { action, target }: Target,
): Promise<boolean> {
  if (action === 'disable_agent') {
    const agent = await agents.find(target)
    return agent !== undefined && agent.disabledAt === undefined
  }
  const grant = await grants.findById(target)
  if (!grant || grant.revokedAt !== undefined || grant.expiresAt <= now()) return false
  const state = gates.state(grant)
  return state === 'open' || state === 'stale'
}

/** Twice is done. Undefined when there is no such token or agent. */
async function perform(
  parts: AlertActionsParts,
  { action, target }: Target,
): Promise<Revoked | undefined> {
  const at = parts.now()
  if (action === 'disable_agent')
    return await revokeAgent(parts, { name: target, at, disable: true })
  const grant = await parts.grants.findById(target)
  return grant && (await suspendToken(parts, grant, at))
}

function causeOf({ alert: { id, rule, reason, requestId } }: PendingAction) {
  return { alert: id, rule, reason, requestId: requestId ?? null }
}

function effectOf({ revoked, sequence, cut }: Revoked) {
  return { tokens: revoked, sequence, cut }
}
