/**
 * A credential source over another one: where tokens are minted from a credential, it is the token
 * that goes into requests, and what is stored goes to nobody but the server's token desk.
 */

import type { Now } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { ok, type Result } from '../../base/result.ts'
import type { CredentialForm } from '../../catalog/service.ts'
import type {
  Credential,
  CredentialProblem,
  CredentialSource,
} from '../../secret/credential-source.ts'
import type { TokenDesk } from '../../secret/handed-token.ts'
import { secretFieldsOf } from '../../secret/secret-fields.ts'
import type { Secret } from '../../secret/secret.ts'
import { createCache, type Cached } from '../cached.ts'
import { createLoaded } from '../loaded.ts'
import { mintingFormOf, type MintingForm } from './form.ts'

export interface MintedSourceParts {
  readonly stored: Required<CredentialSource>
  readonly formsOf: (name: string) => readonly CredentialForm[]
  /** Here, or in the server that this process works for. */
  readonly desk: TokenDesk
  readonly now: Now
  readonly random: () => number
  readonly log: Log
}

type Answer = Result<Credential, CredentialProblem>

interface Held {
  readonly id: string
  readonly expiresAt: number
  /** The answer made once, since it is given at every request. */
  readonly granted: { readonly ok: true; readonly value: Credential }
}

export function createMintedSource(parts: MintedSourceParts): Required<CredentialSource> {
  const source = new MintedSource(parts)
  return {
    peek: (name, origin) => source.peek(name, origin),
    get: (name, origin) => source.get(name, origin),
    reconsider(name) {
      source.reconsider(name)
    },
    forget(name) {
      source.forget(name)
    },
    loaded: () => source.loaded(),
  }
}

class MintedSource {
  readonly #parts: MintedSourceParts
  readonly #cache: Cached<Held, CredentialProblem>
  /** A credential serves many requests: what it is was found out once. */
  readonly #forms = new WeakMap<Credential, { readonly form: MintingForm | undefined }>()
  /** What a token in the cache was, or is being, minted from. */
  readonly #bases = new Map<string, Credential>()
  readonly #refused = new Map<string, string>()
  readonly #minted: () => readonly Secret[]
  /** Made once from the same two lists. */
  #loaded:
    { readonly of: readonly (readonly Secret[])[]; readonly all: readonly Secret[] } | undefined

  constructor(parts: MintedSourceParts) {
    this.#parts = parts
    const { now, random, log } = parts
    this.#cache = createCache({
      fetch: (name) => this.#fetch(name),
      lifetimeOf: ({ expiresAt }) => ({
        freshMs: Math.max(0, expiresAt - now()) * 0.95,
        staleMs: 0,
      }),
      unavailable: { reason: 'secret_unavailable' },
      limits: { negativeMs: 1000, reconsiderMs: 60_000 },
      ...{ now, random },
      onDown(name) {
        log.warn('token_desk_down', { name })
      },
    })
    this.#minted = createLoaded(this.#cache, ({ granted: { value } }) =>
      secretFieldsOf(value.fields, parts.formsOf(value.name)),
    )
  }

  peek(name: string, origin: string): Answer | undefined {
    const stored = this.#parts.stored.peek(name, origin)
    if (stored?.ok !== true || !this.#isMinted(stored.value)) return stored
    this.#base(name, stored.value)
    const held = this.#cache.peek(name)
    return held?.ok === true ? held.value.granted : held
  }

  async get(name: string, origin: string): Promise<Answer> {
    const stored = await this.#parts.stored.get(name, origin)
    if (!stored.ok || !this.#isMinted(stored.value)) return stored
    this.#base(name, stored.value)
    const held = await this.#cache.get(name)
    return held.ok ? held.value.granted : held
  }

  reconsider(name: string): void {
    const held = this.#cache.peek(name)
    if (held?.ok === true) this.#refused.set(name, held.value.id)
    this.#parts.stored.reconsider(name)
    this.#cache.reconsider(name)
  }

  forget(name: string): void {
    this.#parts.stored.forget(name)
    this.#parts.desk.forget(name)
    this.#drop(name)
  }

  /** What is stored, and what was minted from it. */
  loaded(): readonly Secret[] {
    const stored = this.#parts.stored.loaded()
    const minted = this.#minted()
    if (this.#loaded?.of[0] !== stored || this.#loaded.of[1] !== minted)
      this.#loaded = { of: [stored, minted], all: [...stored, ...minted] }
    return this.#loaded.all
  }

  #isMinted(credential: Credential): boolean {
    let known = this.#forms.get(credential)
    if (known === undefined) {
      known = { form: mintingFormOf(credential.fields, this.#parts.formsOf(credential.name)) }
      this.#forms.set(credential, known)
    }
    return known.form !== undefined
  }

  /** A token of another version of the credential does not count any more. */
  #base(name: string, credential: Credential): void {
    const base = this.#bases.get(name)
    if (base === credential) return
    if (base !== undefined && base.version !== credential.version) this.#drop(name)
    this.#bases.set(name, credential)
  }

  #drop(name: string): void {
    this.#cache.forget(name)
    this.#bases.delete(name)
    this.#refused.delete(name)
  }

  async #fetch(name: string): Promise<Result<Held, CredentialProblem>> {
    const base = this.#bases.get(name)
    const taken = await this.#parts.desk.take(name, this.#refused.get(name))
    if (!taken.ok) return taken
    const { id, fields: minted, expiresAt } = taken.value
    const version = `${base?.version ?? ''}.${id}`
    const fields = new Map([...(base ? this.#openFields(base) : []), ...minted])
    return ok({ id, expiresAt, granted: { ok: true, value: { name, version, fields } } as const })
  }

  /** Those that are no secret: rules may put them into requests too. */
  #openFields(
    credential: Credential,
  ): [string, NonNullable<ReturnType<Credential['fields']['get']>>][] {
    const secret = new Set(
      this.#forms
        .get(credential)
        ?.form?.fields.flatMap((field) => (field.secret ? field.name : [])),
    )
    return [...credential.fields].filter(([name]) => !secret.has(name))
  }
}
