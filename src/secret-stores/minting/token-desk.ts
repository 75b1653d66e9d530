/**
 * The one place of a server where tokens are minted, for all of its processes: one request in
 * flight for each credential, early enough that nobody waits, and a refresh token that was
 * exchanged for another one is kept before anybody uses what came with it.
 */

import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { CredentialForm } from '../../catalog/service.ts'
import type {
  Credential,
  CredentialProblem,
  CredentialSource,
} from '../../secret/credential-source.ts'
import type { HandedToken, TokenDesk, TokenResult } from '../../secret/handed-token.ts'
import type { Secret } from '../../secret/secret.ts'
import { createCache, type Cached, type Lifetime } from '../cached.ts'
import { isMinting, mintingFormOf, type MintingForm } from './form.ts'
import type { Fields, Mint } from './mint.ts'

/** A refresh token to keep in place of the one that is stored. */
export interface Rotated {
  readonly name: string
  /** Of the credential that it came from. */
  readonly version: string
  readonly fields: Fields
}

export interface TokenDeskParts {
  readonly stored: Pick<CredentialSource, 'get' | 'forget'>
  /** The forms of the service that a credential is for. */
  readonly formsOf: (name: string) => readonly CredentialForm[]
  readonly mint: Mint
  /**
   * False when the place that the credential comes from takes none: the new one then lives in
   * memory only. Throws when it has to be tried again.
   */
  readonly keep: (rotated: Rotated) => Promise<boolean>
  readonly now: Now
  readonly random: () => number
  readonly log: Log
}

interface Held extends HandedToken {
  /** The stored credential that it was minted from. */
  readonly version: string
}

interface Subject {
  readonly credential: Credential
  readonly form: MintingForm
}

/** A refresh token that is not where the credential is stored. */
interface Pending {
  readonly version: string
  readonly refreshToken: Secret
  /** It never will be. */
  readonly isUnkeepable: boolean
}

const UNAVAILABLE = { reason: 'secret_unavailable' } as const
/** What is left of a token's life when it is no longer used, at most a tenth of it. */
const MARGIN_MS = 30_000

export function createTokenDesk(parts: TokenDeskParts): TokenDesk {
  return new Desk(parts)
}

class Desk implements TokenDesk {
  readonly #parts: TokenDeskParts
  readonly #cache: Cached<Held, CredentialProblem>
  readonly #pending = new Map<string, Pending>()
  #minted = 0

  constructor(parts: TokenDeskParts) {
    this.#parts = parts
    const { now, random, log } = parts
    this.#cache = createCache({
      fetch: (name) => this.#fetch(name),
      lifetimeOf: ({ expiresAt }) => lifetime(expiresAt - now()),
      unavailable: UNAVAILABLE,
      limits: { negativeMs: 5000, reconsiderMs: 10_000 },
      ...{ now, random },
      onDown(name, error, isStaleUsed) {
        log.warn('token_not_minted', { name, isStaleUsed, problem: messageOf(error) })
      },
    })
  }

  async take(name: string, refused?: string): Promise<TokenResult> {
    const subject = await this.#subjectOf(name)
    if (!subject.ok) return subject
    const known = this.#cache.peek(name)
    if (known?.ok && known.value.version !== subject.value.credential.version)
      this.#cache.forget(name)
    else if (known?.ok && known.value.id === refused) this.#cache.reconsider(name)
    return this.#cache.get(name)
  }

  forget(name: string): void {
    this.#cache.forget(name)
  }

  /** The credential, and how tokens are minted from it: it must be meant for whom that asks. */
  async #subjectOf(name: string): Promise<Result<Subject, CredentialProblem>> {
    const forms = this.#parts.formsOf(name)
    let problem: CredentialProblem = { reason: 'credential_not_configured' }
    for (const { mint } of forms.filter(isMinting)) {
      const stored = await this.#parts.stored.get(name, new URL(mint.url).origin)
      if (!stored.ok) {
        problem = stored.error
        continue
      }
      const form = mintingFormOf(stored.value.fields, forms)
      if (form?.mint === mint) return ok({ credential: stored.value, form })
    }
    return err(problem)
  }

  async #fetch(name: string): Promise<Result<Held, CredentialProblem>> {
    const subject = await this.#subjectOf(name)
    if (!subject.ok) return subject
    try {
      return ok(await this.#mint(subject.value))
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'secret_invalid') throw error
      this.#parts.log.error('token_refused', { name, problem: error.message })
      return err(UNAVAILABLE)
    }
  }

  async #mint(subject: Subject): Promise<Held> {
    const { credential, form } = await this.#withKept(subject)
    const { name } = credential
    const minted = await this.#parts.mint(form.mint, this.#fieldsOf(credential))
    const { fields, expiresAt, refreshToken } = minted
    if (refreshToken && !isSame(refreshToken, this.#fieldsOf(credential).get('refresh_token'))) {
      const { version } = credential
      this.#pending.set(name, { version, refreshToken, isUnkeepable: false })
    }
    const kept = await this.#withKept({ credential, form })
    this.#parts.log.info('token_minted', { name, expiresAt })
    return { id: `${++this.#minted}`, fields, expiresAt, version: kept.credential.version }
  }

  /** The credential as it is once its newest refresh token is where it belongs. */
  async #withKept(subject: Subject): Promise<Subject> {
    const { name, version } = subject.credential
    const pending = this.#pending.get(name)
    if (!pending || pending.isUnkeepable) return subject
    if (pending.version !== version) {
      // Somebody stored another credential since.
      this.#pending.delete(name)
      return subject
    }
    const fields = this.#fieldsOf(subject.credential)
    if (!(await this.#parts.keep({ name, version, fields }))) {
      this.#parts.log.warn('refresh_token_in_memory', { name })
      this.#pending.set(name, { ...pending, isUnkeepable: true })
      return subject
    }
    this.#pending.delete(name)
    this.#parts.stored.forget(name)
    const again = await this.#subjectOf(name)
    if (again.ok) return again.value
    throw new Failure('secret_store_unavailable', 'what was just sealed cannot be read')
  }

  #fieldsOf({ name, version, fields }: Credential): Fields {
    const pending = this.#pending.get(name)
    return pending?.version === version
      ? new Map(fields).set('refresh_token', pending.refreshToken)
      : fields
  }
}

function lifetime(lifeMs: number): Lifetime {
  const marginMs = Math.min(MARGIN_MS, lifeMs / 10)
  // Within the last part it serves while no other one can be had.
  const staleMs = Math.max(0, lifeMs / 10 - marginMs / 2)
  return { freshMs: Math.max(0, lifeMs - marginMs - staleMs), staleMs }
}

function isSame(one: Secret, other: Secret | undefined): boolean {
  return one.reveal() === other?.reveal()
}

/** Our own words only: a foreign error might quote what it read. */
function messageOf(error: unknown): string {
  return error instanceof Failure ? error.message : 'unexpected error'
}
