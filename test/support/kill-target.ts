/**
 * A proxy that is going to be killed: the real road, dialler and journal on disk, with grants and one
 * credential in memory. It says its port and its tokens in one line, and at its point it dies.
 */

import { createPrivateKey, createSecretKey, randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { AuditLog } from '../../src/audit/audit-log.ts'
import { redactParameters } from '../../src/audit/parameters.ts'
import { silentLog } from '../../src/base/log.ts'
import { ok } from '../../src/base/result.ts'
import { loadCatalog } from '../../src/catalog-files.ts'
import { createGate } from '../../src/fleet/gate.ts'
import { createDial } from '../../src/network/dial.ts'
import type { StoredGrant } from '../../src/policy/grant-store.ts'
import { createDataPlane, type DataPlaneParts } from '../../src/proxy/data-plane.ts'
import { Secret } from '../../src/secret/secret.ts'
import { openJournal } from '../../src/storage/journal/journal.ts'
import { createTokenDigest } from '../../src/token/digest.ts'
import { createKeyPairs } from '../../src/token/key-pair.ts'
import { mintToken } from '../../src/token/token.ts'
import { createTrigger, type KillPoint, type Trigger } from './kill-points.ts'

export interface KillOrders {
  readonly point: KillPoint
  /** The time that counts. */
  readonly nth: number
  readonly auditsBeforeResponse: boolean
  /** Of the configuration, with a service file for `drill`. */
  readonly directory: string
  readonly audit: string
  readonly origin: string
  readonly ca: string
  /** PEM. */
  readonly signingKey: string
}

/** What the target says once it listens. */
export interface KillTarget {
  readonly port: number
  readonly tokens: readonly string[]
}

const TOKENS = 8
/** A few requests fill one, so that there are many ends and beginnings. */
const SEGMENT_BYTES = 16 * 1024

await serve(JSON.parse(process.argv[2] ?? '') as KillOrders)

async function serve(orders: KillOrders): Promise<void> {
  const trigger = createTrigger(orders.point, orders.nth)
  const { tokens, ...grants } = createGrants(trigger)
  const journal = await openTargetJournal(orders, trigger)
  const catalog = await loadTargetCatalog(orders)
  const key = createSecretKey(randomBytes(32))
  const plane = createDataPlane({
    ...grants,
    ...{ gate: killGate(trigger), dial: killDial(trigger), credentials: killCredentials(trigger) },
    listeners: [{ host: '127.0.0.1', port: 0 }],
    audit: killAudit(journal, trigger),
    auditsBeforeResponse: orders.auditsBeforeResponse,
    limits: { cachedTokens: 1 },
    catalog: () => {
      trigger.reach('head parsed')
      return catalog
    },
    describeParameters: (source) => {
      const parameters = redactParameters({ ...source, key })
      trigger.reach('parameters described')
      return parameters
    },
    keyPairOf: createKeyPairs(key),
    ...{ mode: 'live', now: Date.now, log: silentLog },
  })
  const [listener] = await plane.listen()
  const port = Number(listener?.address.split(':').at(-1))
  watchAnswers(port, trigger)
  trigger.arm()
  process.stdout.write(`${JSON.stringify({ port, tokens } satisfies KillTarget)}\n`)
}

function openTargetJournal({ audit, signingKey }: KillOrders, { memory }: Trigger) {
  return openJournal({
    ...{ directory: audit, environment: 'production', writer: 'local', log: silentLog },
    ...{ hashKey: createSecretKey(Buffer.alloc(32, 7)), now: Date.now },
    segmentBytes: SEGMENT_BYTES,
    sign: { key: createPrivateKey(signingKey), origin: 'apistronghold/production/local' },
    thread: { file: join(import.meta.dirname, 'kill-writer-thread.ts'), faults: memory },
  })
}

function loadTargetCatalog({ directory, origin: url, ca }: KillOrders) {
  const origin = { url, ca, allowPrivateAddress: true }
  return loadCatalog({ configDirectory: directory, settings: new Map([['drill', { origin }]]) })
}

function createGrants({ reach }: Trigger) {
  const digest = createTokenDigest(createSecretKey(randomBytes(32)))
  const tokens = Array.from({ length: TOKENS }, () => mintToken('pt', 'live'))
  const byDigest = new Map(tokens.map((token, index) => [digest(token), aStoredGrant(index)]))
  const grants: DataPlaneParts['grants'] = {
    async findByDigest(key) {
      reach('token looked up')
      await Promise.resolve()
      reach('token found')
      return byDigest.get(key)
    },
    findById: async (id) => [...byDigest.values()].find((grant) => grant.id === id),
    bindAddress: async (_id, address) => address,
    touch: async () => undefined,
    reserve: async () => 0,
  }
  return { tokens, digest, grants }
}

function aStoredGrant(index: number): StoredGrant {
  return {
    id: `tok_${String(index).padStart(20, '0')}`,
    ...{ agent: `drill-agent-${index}`, agentGeneration: 1, chain: [], issuedBy: 'alice' },
    ...{ scopes: new Set(['drill:all']), services: ['drill'], bindings: {}, limits: {} },
    ...{ issuedAt: Date.now(), expiresAt: Date.now() + 3_600_000 },
  }
}

function killGate({ reach }: Trigger): DataPlaneParts['gate'] {
  const gate = createGate()
  return {
    ...gate,
    state(grant) {
      reach('gate asked')
      return gate.state(grant)
    },
    open(grant) {
      reach('request admitted')
      return gate.open(grant)
    },
  }
}

function killCredentials({ reach }: Trigger): DataPlaneParts['credentials'] {
  const fields = new Map([['secret', new Secret('drill-secret')]])
  return {
    async get(name) {
      reach('credential asked')
      await Promise.resolve()
      reach('credential given')
      return ok({ name, version: '1', fields })
    },
    reconsider: () => undefined,
    forget: () => undefined,
  }
}

function killAudit(journal: AuditLog, { reach }: Trigger): AuditLog {
  return {
    intent: async (event) => {
      reach('intent given')
      const written = journal.intent(event)
      reach('intent queued')
      await written
      reach('intent durable')
    },
    outcome: (event) => {
      reach('outcome given')
      journal.outcome(event)
      reach('outcome queued')
    },
    refusal: (event) => journal.refusal(event),
    change: (event) => journal.change(event),
    count: (event) => {
      journal.count(event)
    },
    status: () => journal.status(),
    close: () => journal.close(),
  }
}

function killDial({ reach }: Trigger): DataPlaneParts['dial'] {
  const dial = createDial()
  return async (target) => {
    reach('upstream dialled')
    const socket = await dial(target)
    reach('upstream connected')
    watchWrites(socket, (text) => {
      if (!/^(?:GET|POST) /.test(text)) {
        reach('body leaving')
        return () => undefined
      }
      reach('head leaving')
      return () => {
        reach('head left')
      }
    })
    const push = socket.push.bind(socket)
    socket.push = (chunk, encoding) => {
      if (chunk !== null) reach('answer arriving')
      return push(chunk, encoding)
    }
    return socket
  }
}

/** `before` is asked what to do after each write. */
function watchWrites(socket: Socket, before: (text: string) => () => void): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = (...args: unknown[]) => {
    const after = before(String(args[0]))
    const isFree = write(...args)
    after()
    return isFree
  }
}

/** The sockets of agents are made by the server alone: known by their port. */
function watchAnswers(port: number, { reach }: Trigger): void {
  const write = Reflect.get(Socket.prototype, 'write') as (...args: unknown[]) => boolean
  Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
    if (this.localPort !== port) return write.apply(this, args)
    const isHead = String(args[0]).startsWith('HTTP/1.1 ')
    reach(isHead ? 'answer leaving' : 'answer going on')
    const isFree = write.apply(this, args)
    if (isHead) reach('answer left')
    return isFree
  }
}
