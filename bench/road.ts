/**
 * CPU of the road between the wire and the upstream: token, route, operation, scope, intent,
 * outcome. Sockets are left out; the audit formats its lines and writes them nowhere.
 *
 *     node bench/road.ts [GET|POST [requests]]
 */

import { createKeyPairs } from '../src/token/key-pair.ts'
import { createSecretKey, randomBytes } from 'node:crypto'
import type { AuditLog } from '../src/audit/audit-log.ts'
import { redactParameters } from '../src/audit/parameters.ts'
import { createLineFormat } from '../src/audit/record.ts'
import { systemNow } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { ok } from '../src/base/result.ts'
import { loadCatalog } from '../src/catalog-files.ts'
import { createGate } from '../src/fleet/gate.ts'
import type { StoredGrant } from '../src/policy/grant-store.ts'
import { createQuota } from '../src/policy/quota.ts'
import { createBodyBudget } from '../src/proxy/body-budget.ts'
import { createExchange } from '../src/proxy/exchange.ts'
import { createDirectories } from '../src/proxy/http/directory.ts'
import { createForwarder } from '../src/proxy/http/forward.ts'
import { createDoor } from '../src/proxy/http/request.ts'
import { createStoredValues } from '../src/proxy/http/stored-values.ts'
import { createLastUsed } from '../src/proxy/last-used.ts'
import { DEFAULT_LIMITS } from '../src/proxy/limits.ts'
import { createRecogniser } from '../src/proxy/recognise.ts'
import type { Upstreams } from '../src/proxy/upstream/upstream.ts'
import type { HeaderField } from '../src/proxy/http1/fields.ts'
import type { Listener, WireReply, WireRequest } from '../src/proxy/wire/message.ts'
import { Secret } from '../src/secret/secret.ts'
import { createReplay } from '../src/token/replay.ts'
import { mintToken } from '../src/token/token.ts'

const CONCURRENT = 32
const ROUNDS = 5

const listener: Listener = { address: '127.0.0.1:8900', service: undefined, isSecure: false }

const token = mintToken('pt', 'live')
const grant = {
  id: 'tok_bench',
  agent: 'order-processing-agent',
  agentGeneration: 1,
  scopes: new Set(['stripe:read', 'stripe:write']),
  services: ['stripe'],
  chain: [],
  issuedBy: 'alice',
  issuedAt: Date.now(),
  expiresAt: Date.now() + 3_600_000,
  bindings: {},
  limits: {},
} as unknown as StoredGrant

const fields: HeaderField[] = [
  ['host', 'localhost:8900'],
  ['authorization', `Bearer ${token}`],
  ['accept', 'application/json'],
  ['user-agent', 'Stripe/v1 NodeBindings/17.0.0'],
  ['stripe-version', '2025-01-27.acacia'],
]

const FORM = Buffer.from('amount=2000&currency=usd&customer=cus_NffrFeUfNV2Hib&description=order')

const REQUESTS: Readonly<Record<string, { readonly target: string; readonly body: Buffer }>> = {
  GET: { target: '/stripe/v1/customers?limit=3', body: Buffer.alloc(0) },
  POST: { target: '/stripe/v1/payment_intents', body: FORM },
}

/** What the wire gives to the door, once for each request. */
function requestOf(method: string): WireRequest {
  const { target = '/', body = FORM } = REQUESTS[method] ?? {}
  const isForm = body.length > 0
  const type: HeaderField = ['content-type', 'application/x-www-form-urlencoded']
  return {
    ...{ method, target, fields: isForm ? [...fields, type] : fields },
    ...{ listener, source: '127.0.0.1', receivedAt: systemNow(), version: '1.1' },
    ...{ host: 'localhost:8900', spelling: fields.map(([name]) => name), upgrade: undefined },
    body: {
      ...{ isPresent: isForm, bytesRead: body.length, maxBytes: 1e6, failure: undefined },
      proceed: () => undefined,
      collect: async () => body,
      start: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    } as unknown as WireRequest['body'], // a held body is all that is asked for
  }
}

const key = createSecretKey(randomBytes(32))

function formattingAudit(): AuditLog {
  const format = createLineFormat({
    writer: 'local',
    environment: 'production',
    key,
    pathPatterns: () => [],
  })
  let bytes = 0
  const written = Promise.resolve()
  return {
    intent: (event) => {
      bytes += format.intent(event, systemNow()).length
      return written
    },
    refusal: async (event) => {
      throw new Error(JSON.stringify(event.refusal))
    },
    change: () => written,
    outcome: (event) => {
      bytes += format.outcome(event, systemNow()).length
    },
    count: (event) => {
      throw new Error(event.reason)
    },
    status: () => ({ writable: true, records: bytes, bytes }),
    close: () => written,
  }
}

const HEADERS = [
  'content-type',
  'application/json',
  'request-id',
  'req_1',
  'stripe-version',
  '2025-01-27.acacia',
]
const BODY = Buffer.from(
  JSON.stringify({ id: 'pi_1', amount: 2000, currency: 'usd', note: '.'.repeat(670) }),
)
const upstreams: Upstreams = {
  send(_destination, _request, listener) {
    queueMicrotask(() => {
      listener.onHead({ status: 200, reason: 'OK', headers: HEADERS, length: BODY.length })
      listener.onChunk(BODY)
      listener.onEnd()
    })
    return { resume: () => undefined, abort: () => undefined }
  },
  close: async () => undefined,
}

/** Of other services, in the memory of the same process. */
const LOADED = Array.from({ length: 20 }, () => new Secret(randomBytes(24).toString('base64url')))

async function buildDoor() {
  const catalog = await loadCatalog({ configDirectory: '/nonexistent', settings: new Map() })
  const audit = formattingAudit()
  const grants = {
    findByDigest: async () => grant,
    flushLastUsed: async () => undefined,
  } as never
  const now = systemNow
  const log = silentLog
  const recogniser = createRecogniser({
    grants,
    digest: (text: string) => text,
    mode: 'live',
    throttle: DEFAULT_LIMITS.throttle,
    cachedTokens: 100,
    log,
  })
  const credential = {
    name: 'stripe',
    version: '1',
    fields: new Map([['secret', new Secret('sk_live_x')]]),
  }
  const exchange = createExchange({
    recogniser,
    gate: createGate(),
    quota: createQuota(grants),
    credentials: {
      peek: () => ok(credential),
      get: async () => ok(credential),
      reconsider: () => undefined,
      forget: () => undefined,
      loaded: () => LOADED,
    },
    audit,
    lastUsed: createLastUsed(grants, log),
    replay: createReplay(10),
    grants,
    log,
    now,
  })
  return createDoor({
    exchange,
    forwarder: createForwarder({
      upstreams,
      log,
      credentials: { reconsider: () => undefined },
      now,
    }),
    directory: createDirectories(() => catalog),
    budget: createBodyBudget(1e6),
    describeParameters: (source) => redactParameters({ ...source, key }),
    storedValues: createStoredValues({ loaded: () => LOADED }),
    keyPairOf: createKeyPairs(key),
    now,
    log,
  })
}

class Reply implements WireReply {
  isGone = false
  hasStarted = false
  readonly #ended: () => void
  constructor(ended: () => void) {
    this.#ended = ended
  }
  whenGone(): void {}
  send(answer: { status: number; body: string }): void {
    throw new Error(`${answer.status} ${answer.body}`)
  }
  start(): void {
    this.hasStarted = true
  }
  write(): boolean {
    return true
  }
  whenWritable(): void {}
  end(): void {
    this.#ended()
  }
  cut(): void {
    throw new Error('cut')
  }
  switchTo(): undefined {
    return undefined
  }
}

async function run(serve: (request: WireRequest, reply: WireReply) => void, count: number) {
  let started = 0
  let ended = 0
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const next = (): void => {
    if (started === count) return
    started += 1
    serve(
      requestOf(method),
      new Reply(() => {
        ended += 1
        if (ended === count) resolve(undefined)
        else setImmediate(next)
      }),
    )
  }
  for (let index = 0; index < CONCURRENT; index += 1) next()
  await promise
}

const [, , method = 'GET', requests = '100000'] = process.argv
const count = Number(requests)
const serve = await buildDoor()
await run(serve, count)
for (let round = 0; round < ROUNDS; round += 1) {
  const before = process.cpuUsage()
  await run(serve, count)
  const { user, system } = process.cpuUsage(before)
  console.log(`${((user + system) / count).toFixed(2)} us per request`)
}
