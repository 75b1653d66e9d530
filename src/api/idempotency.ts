/**
 * `Idempotency-Key`: the same creation sent twice is made once, and answered alike.
 *
 * The answer holds a token, which is stored nowhere in clear: it is sealed under a key derived
 * from the operator key that the request carries, so that only its holder can have it again.
 */

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { err, ok, type Result } from '../base/result.ts'
import type { Claim, IdempotencyStore } from '../policy/idempotency.ts'
import type { ApiProblem } from './problem.ts'
import type { Caller } from './route.ts'

export interface Creation {
  /** `token` or `operator`; the same key may serve both. */
  readonly kind: string
  /** What was asked for, parsed. */
  readonly request: unknown
}

type Made<A> = Promise<Result<A, ApiProblem>>

interface Claimed {
  readonly key: string
  readonly requestDigest: string
  readonly sealingKey: Buffer
}

const KEY = /^[\x21-\x7e]{1,128}$/
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Runs `make` once per operator, kind and key; each time, where the header is absent. */
export function createIdempotency(store: IdempotencyStore) {
  return async <A>(caller: Caller, creation: Creation, make: () => Made<A>): Made<A> => {
    const header = caller.headers.get('idempotency-key')
    if (header === null) return await make()
    if (!KEY.test(header)) return err(malformedKey)
    const claimed = claimOf(caller, creation, header)
    const { key, requestDigest } = claimed
    const claim = await store.claim({ key, requestDigest, at: caller.at })
    if (claim.state !== 'claimed') return replay<A>(claim, claimed)
    return await makeClaimed(store, claimed, make)
  }
}

async function makeClaimed<A>(
  store: IdempotencyStore,
  { key, sealingKey }: Claimed,
  make: () => Made<A>,
): Made<A> {
  let made: Awaited<Made<A>> | undefined
  try {
    made = await make()
  } finally {
    if (!made?.ok) await store.release(key)
  }
  if (made.ok) await store.complete(key, seal(JSON.stringify(made.value), sealingKey))
  return made
}

function claimOf(caller: Caller, { kind, request }: Creation, header: string): Claimed {
  const key = digestOf(caller.operator.id, kind, header)
  const presented = caller.headers.get('authorization') ?? ''
  return {
    key,
    requestDigest: digestOf(JSON.stringify(request)),
    sealingKey: Buffer.from(hkdfSync('sha256', presented, '', `idempotent answer ${key}`, 32)),
  }
}

function replay<A>(
  claim: Exclude<Claim, { state: 'claimed' }>,
  { requestDigest, sealingKey }: Claimed,
): Result<A, ApiProblem> {
  if (claim.requestDigest !== requestDigest) return err(reused)
  if (claim.state === 'running') return err(running)
  const text = open(claim.sealedAnswer, sealingKey)
  if (text === undefined) return err(sealedForAnother)
  return ok(JSON.parse(text) as A) // sealed by this file, for the same operator and kind
}

const malformedKey: ApiProblem = {
  code: 'invalid_request',
  detail: 'Idempotency-Key has 1 to 128 visible ASCII characters.',
}
const reused: ApiProblem = {
  code: 'idempotency_key_reused',
  detail: 'This Idempotency-Key belongs to another request: choose a new one.',
}
const running: ApiProblem = {
  code: 'request_running',
  detail: 'The first request with this Idempotency-Key is still running: try again.',
  retryAfterSeconds: 1,
}
const sealedForAnother: ApiProblem = {
  code: 'idempotency_key_reused',
  detail: 'The first answer can be read only with the operator key that asked for it.',
}

function digestOf(...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex')
}

function seal(text: string, key: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url')
}

function open(sealed: string, key: Buffer): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  const start = NONCE_BYTES + TAG_BYTES
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, start))
    return Buffer.concat([decipher.update(bytes.subarray(start)), decipher.final()]).toString()
  } catch {
    return undefined
  }
}
