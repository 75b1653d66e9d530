/**
 * HashiCorp Vault and OpenBao as a secret store: KV of both versions, and engines that make secrets
 * for a time. References are paths below `/v1/`, as the API has them.
 */

import { z } from 'zod'
import type { Ask } from '../../base/ask.ts'
import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import type { SecretStore, StoredSecret } from '../../secret/secret-store.ts'
import { Secret } from '../../secret/secret.ts'
import { fieldsOfJson } from '../json-fields.ts'
import type { ValueVersion } from '../value-version.ts'
import { createVaultClient, type VaultPlace, type VaultReply } from './client.ts'
import { createLeases, type AskAsSelf, type Leases } from './leases.ts'
import { createLogin, type VaultAuth } from './login.ts'
import { createSession } from './session.ts'

export interface HashicorpParts extends VaultPlace {
  readonly auth: VaultAuth
  readonly ask: Ask
  readonly versionOf: ValueVersion
  readonly now: Now
  /** How long a dynamic secret lives on after it was replaced. */
  readonly overlapMs?: number
}

const OVERLAP_MS = 60_000
/** A shutdown does not wait for a store that is away. */
const CLOSE_MS = 2000

const replySchema = z.object({
  data: z.record(z.string(), z.unknown()),
  lease_id: z.string().optional(),
  lease_duration: z.number().optional(),
  renewable: z.boolean().optional(),
})
const versionedSchema = z.object({
  data: z.record(z.string(), z.unknown()),
  metadata: z.object({ version: z.int().positive() }),
})
const warningSchema = z.object({ warnings: z.array(z.string()) })

export function createHashicorpStore(parts: HashicorpParts): Required<SecretStore> {
  const client = createVaultClient(parts, parts.ask, parts.now)
  const session = createSession({ ...parts, client, login: createLogin(parts.auth, client) })
  /** A 403 may mean that the token ended early: one more try where another can be had. */
  const ask: AskAsSelf = async (question) => {
    const token = await session.token()
    const reply = await client({ ...question, token })
    if (reply.status !== 403 || !(await session.refuse(token))) return reply
    return client({ ...question, token: await session.token() })
  }
  const leases = createLeases({ ask, now: parts.now, overlapMs: parts.overlapMs ?? OVERLAP_MS })
  /** Secrets of several names may be in one place: they share its lease. */
  const flights = new Map<string, Promise<StoredSecret | undefined>>()
  return {
    read(place) {
      const flight = flights.get(place) ?? fetch(place).finally(() => flights.delete(place))
      flights.set(place, flight)
      return flight
    },
    doubt(place) {
      leases.doubt(place)
    },
    async close() {
      const { promise: deadline, resolve } = Promise.withResolvers<undefined>()
      const timer = setTimeout(() => {
        resolve(undefined)
      }, CLOSE_MS)
      await Promise.race([deadline, closeAll()])
      clearTimeout(timer)
    },
  }

  async function fetch(place: string): Promise<StoredSecret | undefined> {
    const renewed = await leases.renew(place)
    if (renewed) return renewed
    const reply = await ask({ method: 'GET', path: place })
    return readReply({ place, reply, leases }, parts)
  }

  /** With a token of its own the store forgets its leases too. */
  async function closeAll(): Promise<void> {
    if (!session.isOwn) await leases.close()
    await session.close()
  }
}

interface Answered {
  readonly place: string
  readonly reply: VaultReply
  readonly leases: Leases
}

function readReply(answered: Answered, parts: HashicorpParts): StoredSecret | undefined {
  const { place, reply } = answered
  const parsed = replySchema.safeParse(reply.body).data
  switch (reply.status) {
    case 200:
      if (!parsed) throw new Failure('secret_invalid', `${place} holds no fields`)
      return isLeased(parsed)
        ? readLease(answered, parsed, parts)
        : readStatic(place, parsed.data, parts)
    case 404:
      refuseWrongEngine(answered)
      return undefined
    default:
      throw new Failure('secret_store_unavailable', refusalOf(place, reply.status))
  }
}

type Leased = z.output<typeof replySchema> & { lease_id: string; lease_duration: number }

/** KV of version 1 gives a duration too, as a hint, but no lease. */
function isLeased(reply: z.output<typeof replySchema>): reply is Leased {
  return (reply.lease_id ?? '') !== '' && (reply.lease_duration ?? 0) > 0
}

function readStatic(
  place: string,
  data: Readonly<Record<string, unknown>>,
  { versionOf }: HashicorpParts,
): StoredSecret {
  const versioned = versionedSchema.safeParse(data).data
  const fields = fieldsOfJson(versioned?.data ?? data)
  if (fields.size === 0) throw new Failure('secret_invalid', `${place} holds no fields`)
  const version = versioned ? `v${versioned.metadata.version}` : versionOf(wholeOf(fields))
  return { fields, version }
}

function readLease(
  { place, leases }: Answered,
  reply: Leased,
  { versionOf, now }: HashicorpParts,
): StoredSecret {
  const fields = fieldsOfJson(reply.data)
  if (fields.size === 0) throw new Failure('secret_invalid', `${place} holds no fields`)
  const startedAt = now()
  const durationMs = reply.lease_duration * 1000
  const expiresAt = startedAt + durationMs
  const stored = { fields, version: versionOf(wholeOf(fields)), expiresAt }
  const isRenewable = reply.renewable === true
  leases.keep(place, { id: reply.lease_id, isRenewable, durationMs, startedAt, stored })
  return stored
}

/** A KV engine of version 2 warns of a path without `data`, and of a deleted version says nothing. */
function refuseWrongEngine({ place, reply }: Answered): void {
  const { warnings = [] } = warningSchema.safeParse(reply.body).data ?? {}
  if (!warnings.some((warning) => warning.includes('versioned'))) return
  const [mount = '', ...rest] = place.split('/')
  throw new Failure(
    'secret_invalid',
    `${place} is in a KV engine of version 2, where it is ${[mount, 'data', ...rest].join('/')}`,
  )
}

function refusalOf(place: string, status: number): string {
  if (status === 403)
    return `reading ${place} is not permitted (403): the policy of the proxy's token needs "read" on it`
  return `reading ${place} was refused (${status}): check the path`
}

/** All fields as one text, for a digest. */
function wholeOf(fields: ReadonlyMap<string, Secret>): Secret {
  return new Secret(JSON.stringify([...fields].map(([name, value]) => [name, value.reveal()])))
}
