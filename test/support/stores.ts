/**
 * In-memory stores for tests. They pass the same contract tests as the SQLite ones, so a test
 * may stand on either.
 */

import { Failure } from '../../src/base/errors.ts'
import { newId } from '../../src/base/ids.ts'
import type { Agent, AgentStore } from '../../src/policy/agent-store.ts'
import type { GrantFilter, GrantStore, StoredGrant } from '../../src/policy/grant-store.ts'
import { ABANDONED_CLAIM_MS, IDEMPOTENCY_WINDOW_MS } from '../../src/policy/idempotency.ts'
import type { Claim, IdempotencyStore } from '../../src/policy/idempotency.ts'
import type { Operator, OperatorStore } from '../../src/policy/operator-store.ts'
import type { Revocation, RevocationLog } from '../../src/policy/revocation-log.ts'
import type { SealedSecret, SealedStore } from '../../src/secret/sealed-store.ts'
import type { Stores } from '../../src/storage/sqlite/stores.ts'
import { createMemoryAlertStores } from './alert-stores.ts'

interface KeptGrant {
  grant: StoredGrant
  readonly digest: string
  used: number
}

/** What the stores of one environment share. */
interface Memory {
  readonly agents: Map<string, Agent>
  readonly grants: Map<string, KeptGrant>
  readonly revocations: Revocation[]
}

/** Empty stores that share one memory, as the tables of one database do. */
export function createMemoryStores(): Stores {
  const memory: Memory = { agents: new Map(), grants: new Map(), revocations: [] }
  return {
    agents: createMemoryAgents(memory),
    grants: createMemoryGrants(memory),
    operators: createMemoryOperators(),
    revocations: createMemoryRevocations(memory),
    sealed: createMemorySealed(),
    idempotency: createMemoryIdempotency(),
    ...createMemoryAlertStores(),
  }
}

function createMemoryAgents({ agents }: Memory): AgentStore {
  const change = (name: string, fields: Partial<Agent>): Agent | undefined => {
    const agent = agents.get(name)
    if (agent) agents.set(name, { ...agent, ...fields })
    return agents.get(name)
  }
  return {
    find: async (name) => agents.get(name),
    list: async () => sortedBy([...agents.values()], ({ name }) => name),
    ensure: async (name, owner, now) => {
      const known = agents.get(name)
      const agent = known ?? {
        id: newId('agt'),
        name,
        owner,
        generation: 1,
        disabledAt: undefined,
        createdAt: now,
      }
      agents.set(name, { ...agent, owner: agent.owner ?? owner })
      return agents.get(name)!
    },
    setOwner: async (name, owner) => change(name, { owner }),
    enable: async (name) => change(name, { disabledAt: undefined }),
  }
}

function createMemoryGrants({ agents, grants }: Memory): GrantStore {
  const all = () => [...grants.values()]
  const isRevoked = (id: string) => grants.get(id)?.grant.revokedAt !== undefined

  function matches(grant: StoredGrant, filter: GrantFilter): boolean {
    const { agent, service, scopes, below, liveAt, expiresAfter = -Infinity } = filter
    const line = [grant.id, ...grant.chain]
    return [
      agent === undefined || grant.agent === agent,
      service === undefined || grant.services.includes(service),
      scopes === undefined || scopes.some((scope) => grant.scopes.has(scope)),
      below === undefined || below.some((id) => grant.chain.includes(id)),
      grant.expiresAt > expiresAfter,
      liveAt === undefined || (grant.expiresAt > liveAt && !line.some(isRevoked)),
    ].every(Boolean)
  }

  const leftOf = ({ grant, used }: KeptGrant) => (grant.limits.maxRequests ?? Infinity) - used

  return {
    findByDigest: async (digest) => all().find((kept) => kept.digest === digest)?.grant,
    findById: async (id) => grants.get(id)?.grant,
    insert: async (grant, digest) => {
      const agent = agents.get(grant.agent)
      if (agent?.generation !== grant.agentGeneration) return false
      if (agent.disabledAt !== undefined) return false
      if (grant.chain.some((id) => !grants.has(id) || isRevoked(id))) return false
      if (grants.has(grant.id) || all().some((kept) => kept.digest === digest)) {
        throw new Failure('database_unavailable', 'the database cannot be used')
      }
      grants.set(grant.id, { grant, digest, used: 0 })
      return true
    },
    list: async (filter, { limit, cursor }) => {
      const after = cursor === undefined ? undefined : parsePosition(cursor)
      const matching = all()
        .map(({ grant }) => grant)
        .filter((grant) => matches(grant, filter))
        .sort((left, right) => -comparePosition(left, right))
        .filter((grant) => !after || comparePosition(grant, after) < 0)
      const items = matching.slice(0, Math.min(1000, Math.max(1, limit)))
      const last = items.at(-1)
      const isMore = last !== undefined && matching.length > items.length
      return { items, ...(isMore ? { nextCursor: `${last.issuedAt}_${last.id}` } : {}) }
    },
    bindAddress: async (id, address) => {
      const kept = grants.get(id)
      if (!kept) throw new Failure('not_found', 'there is no such grant')
      kept.grant = { ...kept.grant, boundAddress: kept.grant.boundAddress ?? address }
      return kept.grant.boundAddress ?? address
    },
    touch: async (lastUsed) => {
      for (const [id, at] of lastUsed) {
        const kept = grants.get(id)
        if (kept)
          kept.grant = { ...kept.grant, lastUsedAt: Math.max(kept.grant.lastUsedAt ?? 0, at) }
      }
    },
    reserve: async (id, count) => {
      const line = [...(grants.get(id)?.grant.chain ?? []), id].map((link) => grants.get(link))
      const given = Math.max(0, Math.min(count, ...line.map((kept) => (kept ? leftOf(kept) : 0))))
      for (const kept of line) if (kept) kept.used += given
      return given
    },
  }
}

type Position = Pick<StoredGrant, 'issuedAt' | 'id'>

function comparePosition(left: Position, right: Position): number {
  return left.issuedAt - right.issuedAt || (left.id < right.id ? -1 : Number(left.id > right.id))
}

function parsePosition(cursor: string): Position {
  const { issuedAt, id } = /^(?<issuedAt>\d{1,16})_(?<id>\w{1,64})$/.exec(cursor)?.groups ?? {}
  if (issuedAt === undefined || id === undefined) {
    throw new Failure('usage_invalid', 'the cursor is not one of this list')
  }
  return { issuedAt: Number(issuedAt), id }
}

function createMemoryRevocations({ agents, grants, revocations }: Memory): RevocationLog {
  const latest = (kind: Revocation['kind'], id: string) =>
    revocations.findLast((entry) => entry.kind === kind && entry.id === id)

  const latestHold = (id: string) =>
    revocations.findLast(
      (entry) => entry.id === id && (entry.kind === 'hold' || entry.kind === 'resume'),
    )

  function append(revocation: Revocation): Revocation {
    revocations.push(revocation)
    return revocation
  }

  function foreignParents(name: string, at: number): string[] {
    const children = [...grants.values()].filter(
      ({ grant }) => grant.agent !== name && grant.expiresAt > at,
    )
    const parents = children.flatMap(({ grant }) => grant.chain)
    const own = parents.filter((id) => grants.get(id)?.grant.agent === name)
    return [...new Set(own)].sort()
  }

  return {
    revokeGrant: async (id, at) => {
      const earlier = latest('grant', id)
      const kept = grants.get(id)
      if (earlier || !kept) return earlier
      kept.grant = { ...kept.grant, revokedAt: kept.grant.revokedAt ?? at }
      return append({ sequence: revocations.length + 1, at, kind: 'grant', id })
    },
    revokeAgent: async (name, at, disable) => {
      const agent = agents.get(name)
      if (!agent) return undefined
      if (agent.disabledAt !== undefined) return latest('agent', name)
      const generation = agent.generation + 1
      agents.set(name, { ...agent, generation, disabledAt: disable ? at : undefined })
      for (const kept of grants.values()) {
        if (kept.grant.agent !== name) continue
        kept.grant = { ...kept.grant, revokedAt: kept.grant.revokedAt ?? at }
      }
      const alsoGrants = foreignParents(name, at)
      return append({
        sequence: revocations.length + 1,
        at,
        kind: 'agent',
        id: name,
        generation,
        disabled: disable,
        ...(alsoGrants.length > 0 ? { alsoGrants } : {}),
      })
    },
    holdGrant: async (id, at) => {
      const earlier = latestHold(id)
      if (earlier?.kind === 'hold' || !grants.has(id)) return earlier
      return append({ sequence: revocations.length + 1, at, kind: 'hold', id })
    },
    resumeGrant: async (id, at) =>
      latestHold(id)?.kind === 'hold'
        ? append({ sequence: revocations.length + 1, at, kind: 'resume', id })
        : undefined,
    since: async (sequence) => revocations.filter((entry) => entry.sequence > sequence),
    head: async () => revocations.length,
  }
}

function createMemoryOperators(): OperatorStore {
  const operators = new Map<string, { readonly operator: Operator; readonly digest: string }>()
  const list = () =>
    sortedBy(
      [...operators.values()].map(({ operator }) => operator),
      ({ name }) => name,
    )
  return {
    findByDigest: async (digest) =>
      [...operators.values()].find((kept) => kept.digest === digest)?.operator,
    list: async () => list(),
    insert: async (operator, digest) => {
      if (operators.has(operator.name)) return false
      operators.set(operator.name, { operator, digest })
      return true
    },
    remove: async (name) => {
      const admins = list().filter(({ role }) => role === 'admin')
      if (admins.length === 1 && admins[0]?.name === name) {
        throw new Failure('refused', `${name} is the last admin: add another one first`)
      }
      return operators.delete(name)
    },
  }
}

function createMemorySealed(): SealedStore {
  const secrets = new Map<string, SealedSecret>()
  const highest = new Map<string, number>()
  return {
    find: async (name) => secrets.get(name),
    list: async () => sortedBy([...secrets.values()], ({ name }) => name),
    put: async (secret, expected) => {
      if ((secrets.get(secret.name)?.version ?? 0) !== expected) return false
      if (secret.version <= (highest.get(secret.name) ?? 0)) return false
      secrets.set(secret.name, secret)
      highest.set(secret.name, secret.version)
      return true
    },
    delete: async (name) => secrets.delete(name),
    highestVersion: async (name) => highest.get(name) ?? 0,
  }
}

function createMemoryIdempotency(): IdempotencyStore {
  const claims = new Map<string, { readonly at: number; readonly claim: Claim }>()
  return {
    claim: async ({ key, requestDigest, at }) => {
      const known = claims.get(key)
      const keptMs = known?.claim.state === 'running' ? ABANDONED_CLAIM_MS : IDEMPOTENCY_WINDOW_MS
      if (known && at - known.at < keptMs) return known.claim
      claims.set(key, { at, claim: { state: 'running', requestDigest } })
      return { state: 'claimed' }
    },
    complete: async (key, sealedAnswer) => {
      const known = claims.get(key)
      if (!known || known.claim.state === 'claimed') return
      const { requestDigest } = known.claim
      claims.set(key, { at: known.at, claim: { state: 'complete', requestDigest, sealedAnswer } })
    },
    release: async (key) => {
      if (claims.get(key)?.claim.state === 'running') claims.delete(key)
    },
  }
}

function sortedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))
}
