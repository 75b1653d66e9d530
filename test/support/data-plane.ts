/**
 * The data plane in this process: the real road, catalogue, gate and dialler between real sockets;
 * grants, credentials and audit in memory, so that tests can look inside and break them.
 */

import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type {
  IntentEvent,
  OutcomeEvent,
  RefusalEvent,
  UnrecognisedEvent,
} from '../../src/audit/audit-log.ts'
import { redactParameters } from '../../src/audit/parameters.ts'
import { Failure } from '../../src/base/errors.ts'
import type { LogFields } from '../../src/base/log.ts'
import { err, ok } from '../../src/base/result.ts'
import { loadCatalog } from '../../src/catalog-files.ts'
import type { ServiceSettings } from '../../src/catalog/settings.ts'
import { createGate } from '../../src/fleet/gate.ts'
import { createDial } from '../../src/network/dial.ts'
import type { Grant } from '../../src/policy/grant.ts'
import type { StoredGrant } from '../../src/policy/grant-store.ts'
import { servicesOf } from '../../src/policy/scopes.ts'
import { createDataPlane } from '../../src/proxy/data-plane.ts'
import type { DataPlane, DataPlaneParts } from '../../src/proxy/data-plane.ts'
import type { CredentialProblem } from '../../src/secret/credential-source.ts'
import { Secret } from '../../src/secret/secret.ts'
import { createTokenDigest } from '../../src/token/digest.ts'
import { createKeyPairs, type KeyPair } from '../../src/token/key-pair.ts'
import { mintToken } from '../../src/token/token.ts'
import { createTemporaryDirectory } from './temporary.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream.ts'

/** A real Stripe key by its look; nothing must ever show it but the upstream. */
export const REAL_KEY = 'sk_live_51CanaryCanary0123456789'

export interface PlaneOptions extends Partial<DataPlaneParts> {
  /** Services that are dialled at the recording upstream; `stripe` unless given. */
  readonly services?: readonly string[]
  /** Service files of the test's own, beside the built-in ones, by file name. */
  readonly serviceFiles?: Readonly<Record<string, string>>
  readonly upstream?: UpstreamOptions
  /** Settings that replace the ones for the upstream. */
  readonly settings?: ServiceSettings
}

/** What the audit was told, and what it does when it is told. */
export interface RecordedAudit {
  readonly intents: IntentEvent[]
  readonly outcomes: OutcomeEvent[]
  readonly refusals: RefusalEvent[]
  readonly counts: UnrecognisedEvent[]
  isFull: boolean
  /** Awaited inside of each intent, before it is durable. */
  onIntent: () => Promise<void> | void
}

export interface TestPlane {
  readonly plane: DataPlane
  readonly upstream: Upstream
  readonly audit: RecordedAudit
  readonly log: readonly string[]
  readonly port: number
  readonly url: string
  readonly ports: readonly number[]
  /** Look-ups that the grant store was asked for. */
  readonly lookUps: readonly string[]
  /** Every call to the grant store, by name. */
  readonly storeCalls: readonly string[]
  readonly credentials: Map<string, Readonly<Record<string, string>> | CredentialProblem>
  readonly reconsidered: readonly string[]
  /** What the process has in memory besides; replaced as a whole. */
  readonly memory: { loaded: readonly Secret[] }
  readonly clock: { now: number }
  /** Stores a grant and returns its token. */
  issue(overrides?: Partial<Grant> & { readonly scope?: string }): string
  /** The phantom key pair of an issued token. */
  keyPair(token: string): KeyPair
  revoke(token: string): number
  /** Holds it, with what it has in flight; returns how many requests were cut. */
  suspend(token: string): number
  /** Drops what upstream and audit have recorded. */
  forget(): void
  stop(): Promise<void>
}

export async function startPlane(options: PlaneOptions = {}): Promise<TestPlane> {
  const { services = ['stripe'], serviceFiles = {}, settings } = options
  const upstream = await startUpstream(options.upstream)
  const directory = createTemporaryDirectory()
  mkdirSync(join(directory.path, 'services'))
  for (const [name, text] of Object.entries(serviceFiles)) {
    directory.write(join('services', name), text)
  }
  const origin = { url: upstream.origin, ca: upstream.ca, allowPrivateAddress: true }
  const catalog = await loadCatalog({
    configDirectory: directory.path,
    settings: new Map(services.map((id) => [id, settings ?? { origin }])),
  })
  const clock = { now: Date.now() }
  const grants = createGrants()
  const gate = createGate()
  const audit = createAudit()
  const credentials: TestPlane['credentials'] = new Map([['stripe', { secret: REAL_KEY }]])
  const reconsidered: string[] = []
  const memory: TestPlane['memory'] = { loaded: [] }
  const log: string[] = []
  const auditHash = createSecretKey(randomBytes(32))
  const write = (event: string, fields?: LogFields) =>
    void log.push(`${event} ${JSON.stringify(fields ?? {})}`)
  const plane = createDataPlane({
    listeners: [{ host: '127.0.0.1', port: 0 }],
    catalog: () => catalog,
    grants: grants.store,
    gate,
    credentials: {
      async get(name) {
        const found = credentials.get(name) ?? ({ reason: 'credential_not_configured' } as const)
        if (isProblem(found)) return err(found)
        const fields = Object.entries(found).map(([key, text]) => [key, new Secret(text)] as const)
        return ok({ name, version: '1', fields: new Map(fields) })
      },
      reconsider: (name) => void reconsidered.push(name),
      forget: () => undefined,
      loaded: () => memory.loaded,
    },
    audit: audit.log,
    dial: createDial(),
    digest: grants.digest,
    keyPairOf: createKeyPairs(auditHash),
    mode: 'live',
    describeParameters: (source) => redactParameters({ ...source, key: auditHash }),
    now: () => clock.now,
    log: { debug: write, info: write, warn: write, error: write },
    ...options,
  })
  const listeners = await plane.listen()
  const ports = listeners.map(({ address }) => Number(address.slice(address.lastIndexOf(':') + 1)))
  const [port = 0] = ports
  let sequence = 0

  return {
    plane,
    upstream,
    audit: audit.recorded,
    log,
    port,
    ports,
    url: `http://127.0.0.1:${port}`,
    lookUps: grants.lookUps,
    storeCalls: grants.calls,
    credentials,
    reconsidered,
    memory,
    clock,
    issue({ scope = 'stripe:read,stripe:write', ...overrides } = {}) {
      const token = mintToken('pt', 'live')
      const scopes = new Set(scope.split(','))
      grants.add(token, { scopes, services: servicesOf(scopes), ...overrides, now: clock.now })
      return token
    },
    keyPair: (token) => createKeyPairs(auditHash)(grants.idOf(token)),
    revoke(token) {
      const id = grants.idOf(token)
      sequence += 1
      return gate.apply({ sequence, at: clock.now, kind: 'grant', id })
    },
    suspend(token) {
      sequence += 1
      return gate.apply({ sequence, at: clock.now, kind: 'hold', id: grants.idOf(token) })
    },
    forget() {
      upstream.forget()
      const { intents, outcomes, refusals, counts } = audit.recorded
      for (const events of [intents, outcomes, refusals, counts]) events.length = 0
    },
    async stop() {
      await plane.close(0)
      await upstream.close()
      directory.remove()
    },
  }
}

function isProblem(
  found: Readonly<Record<string, string>> | CredentialProblem,
): found is CredentialProblem {
  return 'reason' in found
}

function createGrants() {
  const byDigest = new Map<string, StoredGrant>()
  const lookUps: string[] = []
  const calls: string[] = []
  const bound = new Map<string, string>()
  const left = new Map<string, number>()
  const digest = createTokenDigest(createSecretKey(randomBytes(32)))
  let count = 0
  const store: DataPlaneParts['grants'] = {
    async findByDigest(key) {
      calls.push('findByDigest')
      lookUps.push(key)
      return byDigest.get(key)
    },
    async findById(id) {
      calls.push('findById')
      return [...byDigest.values()].find((grant) => grant.id === id)
    },
    async bindAddress(id, address) {
      calls.push('bindAddress')
      const winner = bound.get(id) ?? address
      bound.set(id, winner)
      return winner
    },
    async touch() {
      calls.push('touch')
    },
    async reserve(id, wanted) {
      calls.push('reserve')
      const rest = left.get(id) ?? 0
      left.set(id, rest - Math.min(rest, wanted))
      return Math.min(rest, wanted)
    },
  }
  return {
    store,
    digest,
    lookUps,
    calls,
    idOf: (token: string) => byDigest.get(digest(token))?.id ?? '',
    add(token: string, { now, ...overrides }: Partial<Grant> & { readonly now: number }) {
      count += 1
      const grant: StoredGrant = {
        id: `tok_${String(count).padStart(20, '0')}`,
        agent: 'order-processing-agent',
        agentGeneration: 1,
        scopes: new Set(),
        services: [],
        chain: [],
        issuedBy: 'alice',
        issuedAt: now,
        expiresAt: now + 3_600_000,
        bindings: {},
        limits: {},
        ...overrides,
      }
      left.set(grant.id, grant.limits.maxRequests ?? 0)
      byDigest.set(digest(token), grant)
    },
  }
}

function createAudit() {
  const recorded: RecordedAudit = {
    intents: [],
    outcomes: [],
    refusals: [],
    counts: [],
    isFull: false,
    onIntent: () => undefined,
  }
  const guard = () => {
    if (recorded.isFull) throw new Failure('audit_unavailable', 'the disk is full')
  }
  const log: DataPlaneParts['audit'] = {
    async intent(event) {
      await recorded.onIntent()
      guard()
      recorded.intents.push(event)
    },
    async refusal(event) {
      guard()
      recorded.refusals.push(event)
    },
    change: async () => undefined,
    outcome: (event) => void recorded.outcomes.push(event),
    count: (event) => void recorded.counts.push(event),
    status: () => ({ writable: !recorded.isFull, records: 0, bytes: 0 }),
    close: async () => undefined,
  }
  return { recorded, log }
}
