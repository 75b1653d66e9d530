/** Step 2 for requests that are signed: the token was named, and its holder proves to be one. */

import type { Now } from '../../base/clock.ts'
import { ok } from '../../base/result.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { KeyPair } from '../../token/key-pair.ts'
import type { BodyBudget } from '../body-budget.ts'
import type { Presented } from '../recognise.ts'
import { holdBody } from './facts.ts'
import type { Passage } from './passage.ts'
import { findSignature, verifyRequest, type HoldBody } from './signature.ts'

export interface SignatureParts {
  readonly budget: BodyBudget
  /** token/key-pair.ts, by the token's id. */
  readonly keyPairOf: (tokenId: string) => KeyPair
  readonly now: Now
}

export interface Authenticated {
  readonly grant: StoredGrant
  readonly presented: Presented
}

/** Whether there is a signature, or has to be one. */
export function checksSignature({ request }: Passage, { presented }: Authenticated): boolean {
  return presented.form === 'key_id' || findSignature(request) !== undefined
}

/** A key id alone proves nothing: who signs holds the secret, and signed this very request. */
export async function checkSignature(
  parts: SignatureParts,
  passage: Passage,
  { grant, presented }: Authenticated,
): Promise<Refusal | 'gone' | undefined> {
  const { request } = passage
  const authorization = findSignature(request)
  const isNamed = presented.form === 'key_id'
  if (!authorization || (isNamed && authorization.accessKeyId !== presented.text))
    return { reason: 'signature_invalid', problem: 'it is not the one that names the token' }
  const secret = isNamed ? parts.keyPairOf(grant.id).secretAccessKey : presented.text
  const signing = { authorization, secret, now: parts.now() }
  const signed = await verifyRequest(request, signing, holderOf(parts, passage))
  if (!signed.ok) return signed.error
  passage.signed = signed.value
  return undefined
}

/** Holds the body for the rest of the road, once. */
export function holderOf({ budget }: Pick<SignatureParts, 'budget'>, passage: Passage): HoldBody {
  return async () => {
    if (passage.held) return ok(passage.held)
    const share = budget.shareOf(passage.grant?.agent ?? '')
    const held = await holdBody(passage.request.body, HELD_BYTES, share)
    if (held.ok) passage.held = held.value
    return held
  }
}

/** For what must be read before it is known which service is meant, and what that one allows. */
const HELD_BYTES = 10 * 1024 * 1024
