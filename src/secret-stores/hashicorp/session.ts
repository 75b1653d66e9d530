/**
 * The proxy's own token at the store: one login at a time, renewed ahead of its end, made anew
 * when it was refused or replaced.
 */

import { z } from 'zod'
import type { Now } from '../../base/clock.ts'
import type { Secret } from '../../secret/secret.ts'
import type { VaultClient } from './client.ts'
import type { Entered, Login } from './login.ts'

export interface SessionParts {
  readonly login: Login
  readonly client: VaultClient
  readonly now: Now
}

export interface VaultSession {
  token(): Promise<Secret>
  /** The store said 403 to this token: whether another one can be had and tried. */
  refuse(token: Secret): Promise<boolean>
  /** Whether the store forgets all leases of the token together with it. */
  readonly isOwn: boolean
  /** Revokes the token if the login made it. */
  close(): Promise<void>
}

interface Held extends Entered {
  readonly expiresAt: number
}

const renewedSchema = z.object({
  auth: z.object({ lease_duration: z.number(), renewable: z.boolean() }),
})

/** A longer wait is no wait for a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** A token is renewed in the last third of its life, and again after so much of what is left. */
const EARLY = 2 / 3
const MIN_WAIT_MS = 250

export function createSession(parts: SessionParts): VaultSession {
  return new Session(parts)
}

class Session implements VaultSession {
  readonly #parts: SessionParts
  #held: Held | undefined
  #entering: Promise<Held> | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  get isOwn(): boolean {
    return this.#held?.isOwn === true
  }

  async token(): Promise<Secret> {
    const held = this.#held
    const isAlive = held !== undefined && this.#parts.now() < held.expiresAt
    if (isAlive && !(await this.#parts.login.isOutdated(held.token))) return held.token
    return (await this.#enter()).token
  }

  async refuse(token: Secret): Promise<boolean> {
    // Somebody else may have noticed first, and hold a new one already.
    if (this.#held && this.#held.token !== token) return true
    const canReplace = this.#held?.isOwn === true || (await this.#parts.login.isOutdated(token))
    this.#held = undefined
    clearTimeout(this.#timer)
    return canReplace
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const held = this.#held
    this.#held = undefined
    if (!held?.isOwn) return
    const path = 'auth/token/revoke-self'
    await this.#parts
      .client({ method: 'POST', path, token: held.token, body: {} })
      .catch(() => undefined)
  }

  #enter(): Promise<Held> {
    this.#entering ??= this.#parts.login
      .enter()
      .then((entered) => this.#hold(entered))
      .finally(() => {
        this.#entering = undefined
      })
    return this.#entering
  }

  #hold(entered: Entered): Held {
    const held = { ...entered, expiresAt: this.#parts.now() + entered.ttlMs }
    this.#held = held
    this.#schedule(held)
    return held
  }

  #schedule({ expiresAt, isRenewable }: Held): void {
    clearTimeout(this.#timer)
    const leftMs = expiresAt - this.#parts.now()
    if (this.#isClosed || !isRenewable || !Number.isFinite(leftMs) || leftMs <= 0) return
    const waitMs = Math.min(Math.max(leftMs * EARLY, MIN_WAIT_MS), MAX_TIMER_MS)
    this.#timer = setTimeout(() => void this.#renew(), waitMs).unref()
  }

  /** Trouble is no matter while time is left: it is tried again then, and a new login follows the end. */
  async #renew(): Promise<void> {
    const held = this.#held
    if (!held) return
    const { client, now } = this.#parts
    const reply = await client({
      ...{ method: 'POST', path: 'auth/token/renew-self', token: held.token, body: {} },
    }).catch(() => undefined)
    if (this.#held !== held) return
    const auth = renewedSchema.safeParse(reply?.body).data?.auth
    if (reply?.status !== 200 || !auth) {
      this.#schedule(held)
      return
    }
    const expiresAt = auth.lease_duration === 0 ? Infinity : now() + auth.lease_duration * 1000
    this.#held = { ...held, expiresAt, isRenewable: auth.renewable }
    this.#schedule(this.#held)
  }
}
