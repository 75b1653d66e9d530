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
import type { HandedToken, TokenDesk, TokenResult, TokenState } from '../../secret/handed-token.ts'
import type { Secret } from '../../secret/secret.ts'
import { createCache, type Cached, type Lifetime } from '../cached.ts'
import { restMsOf } from '../rest.ts'
import { DOWN, lastErrorOf, messageOf, refuse, type Refused } from '../trouble.ts'
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

/** Why there is nothing to mint from; what is wrong with a source is told where that is. */
const WHY: Readonly<Record<CredentialProblem['reason'], string>> = {
  credential_not_configured: 'there is nothing that tokens could be minted from',
  secret_unavailable: 'what tokens are minted from cannot be had',
  origin_not_sealed: 'what tokens are minted from is not sealed for the token endpoint',
}

/** What is left of a token's life when it is no longer used, at most a tenth of it. */
const MARGIN_MS = 30_000

export function createTokenDesk(parts: TokenDeskParts): TokenDesk {
  return new Desk(parts)
}

class Desk implements TokenDesk {
  readonly #parts: TokenDeskParts
  readonly #cache: Cached<Held, Refused>
  /** Those who were sent away before a token was looked for. */
  readonly #baseless = new Map<string, NonNullable<TokenState['lastError']>>()
  readonly #pending = new Map<string, Pending>()
  #minted = 0

  constructor(parts: TokenDeskParts) {
    this.#parts = parts
    const { now, random, log } = parts
    this.#cache = createCache({
      fetch: (name) => this.#fetch(name),
      lifetimeOf: ({ expiresAt }) => lifetime(expiresAt - now()),
      unavailable: DOWN,
      limits: { negativeMs: 5000, backoffMs: 30_000, reconsiderMs: 60_000 },
      ...{ restMsOf, now, random },
      onDown(name, error, isStaleUsed) {
        log.warn('token_not_minted', { name, isStaleUsed, problem: messageOf(error) })
      },
    })
  }

  async take(name: string, refused?: string): Promise<TokenResult> {
    const subject = await this.#subjectOf(name)
    this.#note(name, subject)
    if (!subject.ok) return subject
    const known = this.#cache.peek(name)
    if (known?.ok && known.value.version !== subject.value.credential.version)
      this.#cache.forget(name)
    else if (known?.ok && known.value.id === refused) this.#cache.reconsider(name)
    const taken = await this.#cache.get(name)
    return taken.ok ? taken : taken.error.answer
  }

  forget(name: string): void {
    this.#cache.forget(name)
    this.#baseless.delete(name)
  }

  state(name: string): TokenState | undefined {
    const known = this.#cache.state(name)
    const baseless = this.#baseless.get(name)
    const { lastError } = baseless ? { lastError: baseless } : lastErrorOf(known)
    if (!known.held && !lastError) return undefined
    return { ...(known.held && timesOf(known.held)), ...(lastError && { lastError }) }
  }

  #note(name: string, subject: Result<Subject, CredentialProblem>): void {
    if (subject.ok) this.#baseless.delete(name)
    else this.#baseless.set(name, { at: this.#parts.now(), problem: WHY[subject.error.reason] })
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

  async #fetch(name: string): Promise<Result<Held, Refused>> {
    const subject = await this.#subjectOf(name)
    if (!subject.ok) return err(refuse(subject.error.reason, WHY[subject.error.reason]))
    try {
      return ok(await this.#mint(subject.value))
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'secret_invalid') throw error
      this.#parts.log.error('token_refused', { name, problem: error.message })
      return err(refuse('secret_unavailable', error.message))
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

function timesOf(
  held: NonNullable<ReturnType<Cached<Held, Refused>['state']>['held']>,
): TokenState {
  const { fetchedAt, refreshAt, value } = held
  return {
    version: `${value.version}.${value.id}`,
    ...{ fetchedAt, refreshAt: Math.round(refreshAt), expiresAt: Math.round(value.expiresAt) },
  }
}

function isSame(one: Secret, other: Secret | undefined): boolean {
  return one.reveal() === other?.reveal()
}
