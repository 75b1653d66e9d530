/**
 * What the store made for a time: renewed as long as it lets itself be renewed, then replaced, and
 * given back when nobody can be using it any more.
 */

import { z } from 'zod'
import type { Now } from '../../base/clock.ts'
import type { StoredSecret } from '../../secret/secret-store.ts'
import type { VaultQuestion, VaultReply } from './client.ts'

/** A question with the proxy's own token. */
export type AskAsSelf = (question: Omit<VaultQuestion, 'token'>) => Promise<VaultReply>

export interface LeaseParts {
  readonly ask: AskAsSelf
  readonly now: Now
  /** Requests that carry a replaced value may take so long before it is revoked. */
  readonly overlapMs: number
}

export interface Lease {
  readonly id: string
  readonly isRenewable: boolean
  readonly durationMs: number
  readonly startedAt: number
  readonly stored: StoredSecret
}

export interface Leases {
  /** Keeps it in the place of the former one, which is revoked after the overlap. */
  keep(place: string, lease: Lease): void
  /** What is leased there, renewed; undefined when it has to be made anew. */
  renew(place: string): Promise<StoredSecret | undefined>
  /** The upstream refused the value: it is not renewed. */
  doubt(place: string): void
  /** Revokes all, at once. */
  close(): Promise<void>
}

const renewedSchema = z.object({ lease_duration: z.number() })

/** Younger ones are not replaced for a refusal upstream, which an agent may be able to provoke. */
const DOUBT_AFTER_MS = 60_000

export function createLeases(parts: LeaseParts): Leases {
  return new LeaseBook(parts)
}

class LeaseBook implements Leases {
  readonly #parts: LeaseParts
  readonly #current = new Map<string, Lease>()
  readonly #doubted = new Set<string>()
  /** Replaced ones with the timer that will revoke them. */
  readonly #former = new Map<string, NodeJS.Timeout>()

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  keep(place: string, lease: Lease): void {
    const former = this.#current.get(place)
    this.#current.set(place, lease)
    this.#doubted.delete(place)
    if (!former || former.id === lease.id) return
    const timer = setTimeout(() => {
      this.#former.delete(former.id)
      void this.#revoke(former.id)
    }, this.#parts.overlapMs).unref()
    this.#former.set(former.id, timer)
  }

  async renew(place: string): Promise<StoredSecret | undefined> {
    const lease = this.#current.get(place)
    const isOver = lease !== undefined && this.#parts.now() >= (lease.stored.expiresAt ?? 0)
    if (!lease?.isRenewable || isOver || this.#doubted.has(place)) return undefined
    const grantedMs = await this.#askForMore(lease)
    // Near its greatest age a lease is granted what is left of it: time for a new one.
    if (grantedMs < lease.durationMs / 2) return undefined
    const stored = { ...lease.stored, expiresAt: this.#parts.now() + grantedMs }
    if (this.#current.get(place) === lease) this.#current.set(place, { ...lease, stored })
    return stored
  }

  doubt(place: string): void {
    const lease = this.#current.get(place)
    if (lease && this.#parts.now() - lease.startedAt >= DOUBT_AFTER_MS) this.#doubted.add(place)
  }

  async close(): Promise<void> {
    for (const timer of this.#former.values()) clearTimeout(timer)
    const ids = [...this.#former.keys(), ...[...this.#current.values()].map(({ id }) => id)]
    this.#former.clear()
    this.#current.clear()
    await Promise.all(ids.map((id) => this.#revoke(id)))
  }

  /** 0 when it is refused; trouble of the store is thrown, since a new one could not be had either. */
  async #askForMore({ id, durationMs }: Lease): Promise<number> {
    const body = { lease_id: id, increment: Math.ceil(durationMs / 1000) }
    const reply = await this.#parts.ask({ method: 'POST', path: 'sys/leases/renew', body })
    if (reply.status !== 200) return 0
    return (renewedSchema.safeParse(reply.body).data?.lease_duration ?? 0) * 1000
  }

  /** What cannot be revoked ends by itself. */
  async #revoke(id: string): Promise<void> {
    const body = { lease_id: id }
    await this.#parts
      .ask({ method: 'POST', path: 'sys/leases/revoke', body })
      .catch(() => undefined)
  }
}
