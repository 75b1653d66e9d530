/**
 * From a credential's name to its value: which store keeps it, what its fields are, where it may
 * go, and how long it is remembered.
 */

import type { Now } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { err, ok, type Result } from '../base/result.ts'
import type {
  Credential,
  CredentialProblem,
  CredentialSource,
} from '../secret/credential-source.ts'
import { chooseFields } from '../secret/choose-fields.ts'
import { mayGoTo } from '../secret/origins.ts'
import { parseFields, type CredentialShape, type FieldProblem } from '../secret/parse-fields.ts'
import { formatReference, isRemote, type SourceReference } from '../secret/reference.ts'
import { secretFieldsOf } from '../secret/secret-fields.ts'
import type { SecretStore, StoredSecret } from '../secret/secret-store.ts'
import type { Secret } from '../secret/secret.ts'
import type { SourceState } from '../secret/source-state.ts'
import { createCache, type Cached, type CacheLimits, type Lifetime } from './cached.ts'
import { createLoaded } from './loaded.ts'
import { restMsOf } from './rest.ts'
import { DOWN, lastErrorOf, messageOf, refuse, type Refused } from './trouble.ts'

export type Source = SourceReference['source']

export interface SourceLimits extends CacheLimits {
  readonly lifetimes: Readonly<Record<Source, Lifetime>>
  /** A store that has not answered by then counts as down. */
  readonly timeoutMs: number
}

export const SOURCE_LIMITS: SourceLimits = {
  lifetimes: {
    vault: { freshMs: 300_000, staleMs: 900_000 },
    // A file is cheap to read, and whoever replaces it expects it to count soon.
    file: { freshMs: 10_000, staleMs: 60_000 },
    hashicorp: { freshMs: 300_000, staleMs: 900_000 },
    'aws-sm': { freshMs: 300_000, staleMs: 900_000 },
    // The environment of a process never changes.
    env: { freshMs: Infinity, staleMs: 0 },
  },
  timeoutMs: 5000,
  negativeMs: 1000,
  backoffMs: 10_000,
  reconsiderMs: 10_000,
}

export interface CredentialSourceParts {
  /** Where each secret comes from, by its name; asked at each use, so keep it at hand. */
  readonly references: () => ReadonlyMap<string, SourceReference>
  readonly stores: Readonly<Record<Source, SecretStore>>
  /** The forms of the services that use a secret; undefined: one field named `secret`. */
  readonly shapeOf: (name: string) => CredentialShape | undefined
  /** Origins that the configuration gives for sources that seal none; absent: any that is asked. */
  readonly originsOf?: (name: string) => ReadonlySet<string>
  /** What the configuration says of a store's answers; undefined: the usual. */
  readonly lifetimeOf?: (source: Source) => Lifetime | undefined
  readonly now: Now
  readonly log: Log
  readonly limits?: SourceLimits
  readonly random?: () => number
}

/** A value in memory, with what its use is bound to. */
interface Held {
  readonly reference: SourceReference
  /** As sealed; undefined where the store seals none. */
  readonly origins: ReadonlySet<string> | undefined
  /** When the value stops working by itself. */
  readonly expiresAt: number | undefined
  /** The answer made once, since it is given at every request. */
  readonly granted: { readonly ok: true; readonly value: Credential }
}

export interface StoredSource extends Required<CredentialSource> {
  /** Whether there is a value that can be used, wherever it may go; asks as rarely as `get` does. */
  isConfigured(name: string): Promise<boolean>
  states(): readonly SourceState[]
}

type Answer = Result<Credential, CredentialProblem>
type Fetched = Result<Held, Refused>

const NO_SOURCE = err(refuse('credential_not_configured', 'the configuration names no source'))
const ABSENT = err(refuse('credential_not_configured', 'there is nothing at that place'))
const NOWHERE: ReadonlySet<string> = new Set()
const NOT_SEALED = err({ reason: 'origin_not_sealed' } as const)

export function createCredentialSource(parts: CredentialSourceParts): StoredSource {
  const { references } = parts
  const cache = openCache({ ...parts, limits: parts.limits ?? SOURCE_LIMITS })
  const loaded = createLoaded(cache, ({ granted: { value } }) =>
    secretFieldsOf(value.fields, parts.shapeOf(value.name)?.forms ?? []),
  )

  /** What is held of the place that the configuration names now. */
  const peekHeld = (name: string): Fetched | undefined => {
    const reference = references().get(name)
    if (reference === undefined) return NO_SOURCE
    const known = cache.peek(name)
    if (known?.ok !== true || isSame(known.value.reference, reference)) return known
    cache.forget(name)
    return undefined
  }

  return {
    peek(name, origin) {
      const known = peekHeld(name)
      return known && answerOf(known, origin, parts)
    },

    async get(name, origin) {
      return answerOf(peekHeld(name) ?? (await cache.get(name)), origin, parts)
    },

    isConfigured: async (name) => (peekHeld(name) ?? (await cache.get(name))).ok,

    reconsider: (name) => {
      if (cache.reconsider(name)) doubt(references().get(name), parts)
    },
    forget: (name) => {
      cache.forget(name)
    },
    loaded,
    states: () => [...references()].map((entry) => stateOf(entry, cache)),
  }
}

function answerOf(fetched: Fetched, origin: string, parts: CredentialSourceParts): Answer {
  return fetched.ok ? release(fetched.value, origin, parts) : fetched.error.answer
}

function openCache(parts: Fetching): Cached<Held, Refused> {
  const { log, now, limits, random = Math.random } = parts
  return createCache<Held, Refused>({
    fetch: (name) => fetchSecret(name, parts),
    lifetimeOf: (held) => lifetimeOf(held, parts),
    restMsOf,
    unavailable: DOWN,
    limits,
    now,
    random,
    onDown(name, error, isStaleUsed) {
      log.warn('secret_store_down', { name, isStaleUsed, problem: messageOf(error) })
    },
  })
}

function doubt(reference: SourceReference | undefined, { stores }: CredentialSourceParts): void {
  if (reference) stores[reference.source].doubt?.(placeOf(reference))
}

function stateOf(
  [name, reference]: readonly [string, SourceReference],
  cache: Cached<Held, Refused>,
): SourceState {
  const known = cache.state(name)
  const { held } = known
  return {
    name,
    source: formatReference(reference),
    ...(held && {
      version: held.value.granted.value.version,
      fetchedAt: held.fetchedAt,
      // What lives as long as the process is never asked for again.
      ...(Number.isFinite(held.refreshAt) && { refreshAt: Math.round(held.refreshAt) }),
      ...(held.value.expiresAt !== undefined && { expiresAt: held.value.expiresAt }),
    }),
    ...lastErrorOf(known),
  }
}

function lifetimeOf({ reference: { source }, expiresAt }: Held, parts: Fetching): Lifetime {
  const usual = parts.lifetimeOf?.(source) ?? parts.limits.lifetimes[source]
  return expiresAt === undefined ? usual : within(usual, expiresAt - parts.now())
}

/** Asked for again while a third of its life is left, which is then what an outage may use up. */
function within({ freshMs, staleMs }: Lifetime, leftMs: number): Lifetime {
  const fresh = Math.min(freshMs, Math.max(0, (leftMs * 2) / 3))
  return { freshMs: fresh, staleMs: Math.min(staleMs, Math.max(0, leftMs - fresh)) }
}

/** Lets a value go only where its seal, or else the configuration, says. */
function release(held: Held, origin: string, { originsOf }: CredentialSourceParts): Answer {
  const { origins, granted, reference } = held
  const allowed =
    reference.source === 'vault' ? (origins ?? NOWHERE) : originsOf?.(granted.value.name)
  return !allowed || mayGoTo(origin, allowed, granted.value.fields) ? granted : NOT_SEALED
}

interface Fetching extends CredentialSourceParts {
  readonly limits: SourceLimits
}

async function fetchSecret(name: string, parts: Fetching): Promise<Fetched> {
  const reference = parts.references().get(name)
  if (reference === undefined) return NO_SOURCE
  try {
    const reading = parts.stores[reference.source].read(placeOf(reference))
    const stored = await withDeadline(reading, parts.limits.timeoutMs)
    if (stored === undefined) return ABSENT
    return hold({ name, reference, stored }, parts)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'secret_invalid') throw error
    return unusable({ name, problem: error.message }, parts)
  }
}

function unusable(
  { name, problem }: { readonly name: string; readonly problem: string },
  { log }: Fetching,
): Fetched {
  log.error('secret_unusable', { name, problem })
  return err(refuse('secret_unavailable', `its value cannot be used: ${problem}`))
}

interface Found {
  readonly name: string
  readonly reference: SourceReference
  readonly stored: StoredSecret
}

function hold(found: Found, parts: Fetching): Fetched {
  const { name, reference, stored } = found
  const split = reference.source === 'vault' ? ok(stored.fields) : splitFields(found, parts)
  if (!split.ok) return unusable({ name, problem: split.error.problem }, parts)
  const origins = stored.origins && new Set(stored.origins)
  const granted = {
    ok: true,
    value: { name, version: stored.version, fields: split.value },
  } as const
  return ok({ reference, origins, expiresAt: stored.expiresAt, granted })
}

/** Variables and files hold one text; stores elsewhere may have fields of their own. */
function splitFields(
  { name, reference, stored }: Found,
  { shapeOf, log }: Fetching,
): Result<ReadonlyMap<string, Secret>, FieldProblem> {
  const shape = shapeOf(name) ?? { forms: [] }
  const text = stored.fields.get('secret')
  const parsed = isRemote(reference)
    ? chooseFields(stored.fields, reference.field, shape)
    : text && parseFields(text, shape)
  if (parsed === undefined) return err({ problem: 'it is empty' })
  if (!parsed.ok) return parsed
  for (const warning of parsed.value.warnings) log.warn('secret_unusual', { name, warning })
  return ok(parsed.value.fields)
}

function placeOf(reference: SourceReference): string {
  if (isRemote(reference)) return reference.place
  switch (reference.source) {
    case 'vault':
      return reference.name
    case 'env':
      return reference.variable
    case 'file':
      return reference.path
  }
}

/** The same object nearly always; after the configuration was read again, the same text. */
function isSame(a: SourceReference, b: SourceReference): boolean {
  return a === b || formatReference(a) === formatReference(b)
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Failure('secret_store_unavailable', 'the store did not answer in time'))
  }, timeoutMs)
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
