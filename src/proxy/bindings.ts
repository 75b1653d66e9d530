/** The bindings that are no pure question: proof of a key, and the address of the first use. */

import type { Now } from '../base/clock.ts'
import { firstUseAddress } from '../policy/bindings.ts'
import type { GrantStore, StoredGrant } from '../policy/grant-store.ts'
import type { Refusal } from '../policy/refusal.ts'
import { verifyDpop } from '../token/dpop.ts'
import type { Replay } from '../token/replay.ts'
import type { Asked } from './admission.ts'
import type { Recogniser } from './recognise.ts'

export interface BindingParts {
  readonly grants: Pick<GrantStore, 'bindAddress'>
  readonly recogniser: Pick<Recogniser, 'replace'>
  readonly replay: Replay
  readonly now: Now
}

/** Checks what decide() cannot. Throws `database_unavailable`, and then nothing may go on. */
export async function refuseBinding(
  parts: BindingParts,
  grant: StoredGrant,
  asked: Asked,
): Promise<Refusal | undefined> {
  const { dpop, firstUse } = grant.bindings
  if (dpop !== undefined && !(await isProven(parts, dpop, asked))) {
    return { reason: 'binding_mismatch', binding: 'dpop' }
  }
  if (firstUse !== true || grant.boundAddress !== undefined) return undefined
  const isOurs = await fixAddress(parts, grant, asked)
  return isOurs ? undefined : { reason: 'binding_mismatch', binding: 'first-use' }
}

async function isProven(
  { replay, now }: BindingParts,
  jkt: string,
  { proof, presented }: Asked,
): Promise<boolean> {
  if (!proof) return false
  return (await verifyDpop({ ...proof, jkt, token: presented.text, replay, now: now() })).ok
}

/** Fixes the address before the first admission; of two first uses at once the store takes one. */
async function fixAddress(
  { grants, recogniser }: BindingParts,
  grant: StoredGrant,
  { presented, access }: Asked,
): Promise<boolean> {
  const address = firstUseAddress(access.source)
  if (address === undefined) return false
  const boundAddress = await grants.bindAddress(grant.id, address)
  recogniser.replace(presented, { ...grant, boundAddress })
  return boundAddress === address
}
