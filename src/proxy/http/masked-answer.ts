/**
 * An answer in which some fields carry secrets that its token may not see: held until it is whole, then
 * sent with stars in their place. It is read as JSON; what is no JSON is not sent at all.
 */

import type { SecretField } from '../../catalog/answer-secrets.ts'
import type { Operation } from '../../catalog/catalog.ts'
import { maskFields } from '../../catalog/mask.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { BodyShare } from '../body-budget.ts'

/** Larger ones are not sent: reading one holds up all other requests. */
const MAX_BYTES = 4 * 1024 * 1024

/** Fields of the answer that carry secrets, unless the token has the scope for those. */
export function maskedFieldsOf(
  { service, secretFields = [] }: Operation,
  grant: StoredGrant,
): readonly SecretField[] {
  const scope = service.scopes.get('secrets')
  return scope && grant.scopes.has(scope.id) ? [] : secretFields
}

export class MaskedAnswer {
  readonly #fields: readonly SecretField[]
  readonly #share: BodyShare
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(fields: readonly SecretField[], share: BodyShare) {
    this.#fields = fields
    this.#share = share
  }

  /** False when it has become too large, or there is no room for it. */
  take(chunk: Buffer): boolean {
    if (this.#bytes + chunk.length > MAX_BYTES || !this.#share.take(chunk.length)) return false
    this.#bytes += chunk.length
    // Copied: a chunk is a view of a buffer that is used again.
    this.#chunks.push(Buffer.from(chunk))
    return true
  }

  /** All of it, to be sent; undefined when it cannot be read. */
  whole(): Buffer | undefined {
    const bytes = Buffer.concat(this.#chunks)
    this.release()
    return bytes.length === 0 ? bytes : maskFields(bytes, this.#fields)
  }

  release(): void {
    this.#share.give(this.#bytes)
    this.#bytes = 0
    this.#chunks = []
  }
}
