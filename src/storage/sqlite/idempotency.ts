/** Claims of idempotency keys in SQLite: digests and sealed text, for a day. */

import { ABANDONED_CLAIM_MS, IDEMPOTENCY_WINDOW_MS } from '../../policy/idempotency.ts'
import type { Claim, ClaimEntry, IdempotencyStore } from '../../policy/idempotency.ts'
import type { Database, Row } from './database.ts'
import { optionalTextOf, textOf } from './row.ts'

/** Builds the store over an open database. */
export function createSqliteIdempotencyStore(database: Database): IdempotencyStore {
  return {
    claim: async (entry) => database.transaction(() => claim(database, entry)),
    complete: async (key, sealedAnswer) => {
      database.run('UPDATE idempotency_claims SET sealed_answer = :sealedAnswer WHERE key = :key', {
        key,
        sealedAnswer,
      })
    },
    release: async (key) => {
      database.run('DELETE FROM idempotency_claims WHERE key = :key AND sealed_answer IS NULL', {
        key,
      })
    },
  }
}

function claim(database: Database, { key, requestDigest, at }: ClaimEntry): Claim {
  database.run(
    `DELETE FROM idempotency_claims WHERE claimed_at <= :forgotten
       OR (sealed_answer IS NULL AND claimed_at <= :abandoned)`,
    { forgotten: at - IDEMPOTENCY_WINDOW_MS, abandoned: at - ABANDONED_CLAIM_MS },
  )
  const earlier = database.get('SELECT * FROM idempotency_claims WHERE key = :key', { key })
  if (earlier) return parseClaimRow(earlier)
  database.run(
    `INSERT INTO idempotency_claims (key, request_digest, claimed_at)
     VALUES (:key, :requestDigest, :at)`,
    { key, requestDigest, at },
  )
  return { state: 'claimed' }
}

function parseClaimRow(row: Row): Claim {
  const requestDigest = textOf(row, 'request_digest')
  const sealedAnswer = optionalTextOf(row, 'sealed_answer')
  return sealedAnswer === undefined
    ? { state: 'running', requestDigest }
    : { state: 'complete', requestDigest, sealedAnswer }
}
