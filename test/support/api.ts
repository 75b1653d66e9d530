/** A control plane over in-memory stores, with one operator of each role. */

import { generateKeyPairSync } from 'node:crypto'
import type {
  AddedOperator,
  IssuedToken,
  Page,
  Problem,
  Revoked,
  TokenView,
} from '../../sdk/src/client.ts'
import { createApi } from '../../src/api/app.ts'
import type { ApiParts, ApiStores } from '../../src/api/parts.ts'
import type { AuditLog, ChangeEvent, UnrecognisedEvent } from '../../src/audit/audit-log.ts'
import { newId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { ok } from '../../src/base/result.ts'
import { createGate } from '../../src/fleet/gate.ts'
import { soleGate } from '../../src/fleet/gates.ts'
import type { OperatorRole } from '../../src/policy/operator-store.ts'
import { verifyEnvelope } from '../../src/secret/envelope.ts'
import { createTokenDigest } from '../../src/token/digest.ts'
import { publishJwks } from '../../src/token/jwk.ts'
import { mintJwt } from '../../src/token/jwt.ts'
import { createKeyPairs } from '../../src/token/key-pair.ts'
import { deriveKeys, generateGrantMac, generateSigningKey } from '../../src/token/keys.ts'
import { mintToken, tokenModeOf } from '../../src/token/token.ts'
import { createMemoryAuditLog } from './audit.ts'
import { createMemoryAuditIndex } from './audit-index.ts'
import { NOW } from './grants.ts'
import { aCatalog, aService } from './services.ts'
import { createMemoryStores } from './stores.ts'

export interface ApiCall {
  readonly key?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly source?: string
}

/** Whatever an answer may hold; a test reads what it asked for. */
type ApiBody = IssuedToken & Revoked & AddedOperator & Page<TokenView> & Problem

export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: ApiBody
}

export type TestApi = Awaited<ReturnType<typeof createTestApi>>

export const CONFIGURED = ['stripe', 'openai']

const CATALOG = aCatalog([
  aService(
    'stripe',
    { read: 'read', write: 'write', refund: 'money' },
    { tokenPrefix: 'sk_live_' },
  ),
  aService(
    'openai',
    { chat: 'write', admin: 'admin' },
    {
      credentialSplits: new Map([['admin', 'openai-admin']]),
    },
  ),
  aService('github', { read: 'read' }),
  aService('aws', { read: 'read' }, { support: { ready: false, why: 'SigV4 is not built yet' } }),
])

/** `change` may put something between the API and its stores, to watch or to disturb. */
export async function createTestApi(
  overrides: Partial<ApiParts> = {},
  change: (stores: ApiStores) => ApiStores = (stores) => stores,
) {
  const environment = overrides.instance?.environment ?? 'production'
  const mode = tokenModeOf(environment)
  const clock = { now: NOW }
  const stores = change(createMemoryStores())
  const audit = createWatchedAudit(() => clock.now)
  const keys = deriveKeys(generateGrantMac())
  const signing = generateSigningKey()
  const sealing = generateKeyPairSync('ed25519')
  const digestOf = createTokenDigest(keys.digest)
  const forgotten: string[] = []
  const checks: Record<string, boolean> = { database: true, audit: true }

  const gate = createGate()
  const parts: ApiParts = {
    instance: { version: '0.1.0', environment, pid: 4711, startedAt: NOW - 60_000 },
    hosts: { listenHost: '127.0.0.1', names: [] },
    lifetimes: { defaultTtlSeconds: 3600, maxTtlSeconds: 86_400 },
    stores,
    gates: soleGate(gate),
    audit: audit.log,
    auditIndex: createMemoryAuditIndex(audit),
    checkpoints: {
      ...{ publicKey: '', newest: () => undefined },
      ...{ all: async () => [], growth: async () => undefined },
    },
    catalog: () => CATALOG,
    forgetCredential: async (name) => void forgotten.push(name),
    secretStates: async () => [],
    isCredentialConfigured: async (name) => CONFIGURED.includes(name),
    credentialReference: (name) => (CONFIGURED.includes(name) ? `vault:${name}` : undefined),
    verifyEnvelope: (text) => verifyEnvelope(text, new Map([['alice', sealing.publicKey]])),
    digestOf,
    keyPairOf: createKeyPairs(keys.keyPair),
    mintJwt: (grant) => mintJwt(grant, { privateKey: signing, issuer: 'test', environment }),
    publicKeys: () => publishJwks([signing]),
    readiness: async () => checks,
    testAlerts: async () => [],
    reload: async (record) => {
      await record({ catalog: CATALOG.digest, settings: {} })
      return ok({ changed: 0, catalogDigest: CATALOG.digest })
    },
    cursorKey: keys.cursor,
    log: silentLog,
    now: () => clock.now,
    ...overrides,
  }

  const addOperator = async (name: string, role: OperatorRole) => {
    const key = mintToken('ok', mode)
    await stores.operators.insert({ id: newId('op'), name, role, createdAt: NOW }, digestOf(key))
    return key
  }
  const app = createApi(parts)
  const [admin, issuer, auditor] = [
    await addOperator('alice', 'admin'),
    await addOperator('ivan', 'issuer'),
    await addOperator('olga', 'auditor'),
  ]

  /** Calls as alice from loopback unless told otherwise; `key: ''` sends none. */
  const call = async (line: string, request: ApiCall = {}): Promise<ApiAnswer> => {
    const { source = '127.0.0.1' } = request
    const [method = 'GET', path = '/'] = line.split(' ')
    const init = { method, ...requestInit({ key: admin, ...request }) }
    const response = await app.request(`http://localhost:8901${path}`, init, { source })
    const text = await response.text()
    const body = (text === '' ? {} : JSON.parse(text)) as ApiBody
    return { status: response.status, headers: response.headers, body }
  }

  /** Issues a token for `order-processing-agent` and returns the answer's body. */
  const issue = async (words: Readonly<Record<string, unknown>> = {}): Promise<IssuedToken> => {
    const body = { agent: 'order-processing-agent', scopes: 'stripe:read,stripe:write', ...words }
    return (await call('POST /v1/tokens', { body })).body
  }

  return {
    app,
    parts,
    gate,
    stores,
    audit,
    clock,
    checks,
    forgotten,
    sealing,
    keys: { admin, issuer, auditor },
    call,
    issue,
  }
}

/** The audit in memory, with the events as they came in. */
function createWatchedAudit(now: () => number) {
  const memory = createMemoryAuditLog(now)
  const changes: ChangeEvent[] = []
  const counted: UnrecognisedEvent[] = []
  const log: AuditLog = {
    ...memory.log,
    change: async (event) => {
      await memory.log.change(event)
      changes.push(event)
    },
    count: (event) => {
      counted.push(event)
      memory.log.count(event)
    },
  }
  return { ...memory, log, changes, counted }
}

function requestInit({ key = '', body, headers }: ApiCall): RequestInit {
  const all = new Headers({ host: 'localhost:8901' })
  if (key !== '') all.set('authorization', `Bearer ${key}`)
  const text = body === undefined ? undefined : JSON.stringify(body)
  if (text !== undefined) {
    all.set('content-type', 'application/json')
    all.set('content-length', String(Buffer.byteLength(text)))
  }
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value)
  return { headers: all, ...(text === undefined ? {} : { body: text }) }
}
