/**
 * Limits at work: the rate in memory, the number of requests in blocks reserved in the store.
 *
 * A block that a crash loses is lost to the agent, so the total is never exceeded. The count is
 * exact in the store and coarse here; main.ts makes one quota per process.
 */

import type { Bucket } from './bucket.ts'
import { draw, fullBucket } from './bucket.ts'
import type { GrantStore } from './grant-store.ts'
import type { Grant } from './grant.ts'
import type { Refusal } from './refusal.ts'

/** A twentieth of the whole, so that a crash costs little, and no more than this. */
const MAX_BLOCK = 64

export interface Quota {
  /**
   * Counts one request; undefined when it may go on. Synchronous inside unless a block must be
   * reserved. Throws `database_unavailable`, and then nothing may go on.
   */
  take(grant: Grant, now: number): Promise<Refusal | undefined>
  /** Forgets grants that expired. */
  prune(now: number): void
}

interface Account {
  readonly expiresAt: number
  bucket: Bucket | undefined
  /** Reserved in the store and not used yet. */
  left: number
  isExhausted: boolean
  reserving: Promise<void> | undefined
}

/**
 * Builds the quota over a store's `reserve`. `rateShare` is the part of every rate that this
 * process may give: a half where two of them serve the same agents.
 */
export function createQuota(grants: Pick<GrantStore, 'reserve'>, rateShare = 1): Quota {
  const accounts = new Map<string, Account>()

  async function takeOne(grant: Grant, account: Account, now: number) {
    const { maxRequests } = grant.limits
    if (maxRequests === undefined) return undefined
    while (account.left === 0) {
      if (account.isExhausted) return exhausted(grant, now)
      account.reserving ??= refill(grant, account, maxRequests)
      await account.reserving
    }
    account.left -= 1
    return undefined
  }

  async function refill(grant: Grant, account: Account, maxRequests: number): Promise<void> {
    try {
      const given = await grants.reserve(grant.id, blockOf(maxRequests))
      account.left += given
      account.isExhausted = given === 0
    } finally {
      account.reserving = undefined
    }
  }

  return {
    async take(grant, now) {
      if (grant.limits.maxRequests === undefined && grant.limits.ratePerSecond === undefined) {
        return undefined
      }
      const account = accountOf(accounts, grant)
      return (
        takeRate(rateOf(grant, rateShare), account, now) ?? (await takeOne(grant, account, now))
      )
    },
    prune(now) {
      for (const [id, account] of accounts) if (account.expiresAt <= now) accounts.delete(id)
    },
  }
}

function accountOf(accounts: Map<string, Account>, { id, expiresAt }: Grant): Account {
  let account = accounts.get(id)
  if (!account) {
    account = { expiresAt, bucket: undefined, left: 0, isExhausted: false, reserving: undefined }
    accounts.set(id, account)
  }
  return account
}

function rateOf({ limits: { ratePerSecond } }: Grant, share: number): number | undefined {
  return ratePerSecond === undefined ? undefined : ratePerSecond * share
}

function takeRate(
  ratePerSecond: number | undefined,
  account: Account,
  now: number,
): Refusal | undefined {
  if (ratePerSecond === undefined) return undefined
  const drawn = draw(account.bucket ?? fullBucket(ratePerSecond, now), ratePerSecond, now)
  account.bucket = drawn.bucket
  if (drawn.allowed) return undefined
  return { reason: 'rate_limited', retryAfterSeconds: drawn.retryAfterSeconds }
}

function exhausted({ expiresAt }: Grant, now: number): Refusal {
  const retryAfterSeconds = Math.max(1, Math.ceil((expiresAt - now) / 1000))
  return { reason: 'quota_exhausted', retryAfterSeconds }
}

function blockOf(maxRequests: number): number {
  return Math.min(MAX_BLOCK, Math.max(1, Math.floor(maxRequests / 20)))
}
