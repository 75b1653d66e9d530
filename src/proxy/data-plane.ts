/**
 * The data plane from its parts: listeners, the base-URL door, the exchange and the upstreams.
 * main.ts gives the parts; nothing here decides anything.
 */

import type { Now } from '../base/clock.ts'
import type { Dial } from '../base/dial.ts'
import type { Log } from '../base/log.ts'
import type { Result } from '../base/result.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Gate } from '../policy/gate.ts'
import type { GrantUse, StoredGrant } from '../policy/grant-store.ts'
import { createQuota } from '../policy/quota.ts'
import type { Refusal } from '../policy/refusal.ts'
import type { CredentialSource } from '../secret/credential-source.ts'
import type { CredentialUse } from '../secret/source-state.ts'
import type { KeyPair } from '../token/key-pair.ts'
import { createReplay, type Replay } from '../token/replay.ts'
import type { TokenMode } from '../token/token.ts'
import { createBodyBudget } from './body-budget.ts'
import { createExchange } from './exchange.ts'
import type { DescribeParameters } from './http/access.ts'
import { createDirectories } from './http/directory.ts'
import { createForwarder } from './http/forward.ts'
import { answerHealth } from './http/health.ts'
import type { Readiness } from './http/health.ts'
import { createMalformedAnswer } from './http/malformed.ts'
import { createDoor } from './http/request.ts'
import { createStoredValues } from './http/stored-values.ts'
import { createLastUsed } from './last-used.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { DataPlaneLimits } from './limits.ts'
import { createRecogniser } from './recognise.ts'
import { createUpstreams } from './upstream/upstreams.ts'
import type { Listener, WireReply, WireRequest } from './wire/message.ts'
import { ConnectionCount } from './wire/connection-limits.ts'
import { createWireServer } from './wire/server.ts'
import type { ListenerSettings, TlsPair, WireParts, WireServer } from './wire/server.ts'
import { createSourceReader, createTrust } from './wire/source.ts'

export interface DataPlaneParts {
  readonly listeners: readonly ListenerSettings[]
  /** Load balancers in front: ranges of addresses, and whether they speak the PROXY protocol. */
  readonly proxies?: { readonly trusted: readonly string[]; readonly sayFirst: boolean }
  /** Asked for each request, so that a reload takes effect at once. */
  readonly catalog: () => Catalog
  readonly grants: GrantUse
  readonly gate: Gate
  /** False while this replica does not know the newest revocations; absent: always current. */
  readonly isCurrent?: () => boolean
  readonly credentials: CredentialSource
  readonly audit: AuditLog
  /** `audit.dangerously_before_response`; absent: nothing leaves before its record is on disk. */
  readonly auditsBeforeResponse?: boolean
  readonly dial: Dial
  /** token/digest.ts */
  readonly digest: (token: string) => string
  /** token/jwt.ts; absent where no signed tokens are issued. */
  readonly verifyJwt?: (text: string, now: number) => Result<StoredGrant, Refusal>
  /** token/key-pair.ts */
  readonly keyPairOf: (tokenId: string) => KeyPair
  readonly mode: TokenMode
  /** audit/parameters.ts with its key. */
  readonly describeParameters: DescribeParameters
  readonly limits?: Partial<DataPlaneLimits>
  /** The memory of DPoP proofs, where several processes share one; absent: its own. */
  readonly replay?: Replay
  /** The part of every rate that this process may give; absent: all of it. */
  readonly rateShare?: number
  readonly now: Now
  readonly log: Log
}

/** How the requests ended that were under way when the stop began. */
export interface DrainReport {
  readonly finished: number
  readonly cut: number
}

export interface DataPlane {
  /** Opens every listener or none; throws `listen_failed` naming the address. */
  listen(): Promise<readonly Listener[]>
  readiness(): Readiness
  /** Which versions of which credentials requests under way were given. */
  credentialUses(): readonly CredentialUse[]
  /** Serves another certificate from the next handshake on; throws what is wrong with it. */
  renewTls(tls: TlsPair): void
  /** Takes nothing new, lets requests end for this long, then cuts what is left. */
  close(graceMs: number): Promise<DrainReport>
}

/** How often last uses are written back and spent limits forgotten. */
const UPKEEP_MS = 30_000

/** Builds the data plane; nothing listens yet. */
export function createDataPlane(parts: DataPlaneParts): DataPlane {
  const { audit, now, log } = parts
  const limits: DataPlaneLimits = { ...DEFAULT_LIMITS, ...parts.limits }
  const { upstreams, forwarder, lastUsed, quota, serveDoor, directory } = build(parts, limits)
  let isDraining = false

  const readiness = () => readinessOf(parts, isDraining)
  const serve = (request: WireRequest, reply: WireReply): void => {
    const health = answerHealth(request, readiness)
    if (health) reply.send(health)
    else serveDoor(request, reply)
  }
  const reject = createMalformedAnswer({ audit, directory, now })
  const servers = createServers(parts, limits.wire, { serve, reject })
  const upkeep = setInterval(() => {
    void lastUsed.flush()
    quota.prune(now())
  }, UPKEEP_MS).unref()

  return {
    listen: () => listenAll(servers),
    readiness,
    credentialUses: () => forwarder.credentialUses(),
    renewTls(tls) {
      for (const server of servers) server.renewTls(tls)
    },
    async close(graceMs) {
      isDraining = true
      clearInterval(upkeep)
      const started = inFlightOf(servers)
      for (const server of servers) server.drain()
      await within(graceMs, Promise.all(servers.map((server) => server.idle())))
      const cut = inFlightOf(servers)
      forwarder.cutAll('shutdown')
      await Promise.all(servers.map((server) => server.close()))
      await upstreams.close()
      await lastUsed.flush()
      log.info('data_plane_stopped', { finished: started - cut, cut })
      return { finished: started - cut, cut }
    },
  }
}

/** The listeners share one count of connections. */
function createServers(
  { listeners, proxies: given, now }: DataPlaneParts,
  limits: DataPlaneLimits['wire'],
  doors: Pick<WireParts, 'serve' | 'reject'>,
): WireServer[] {
  const open = new ConnectionCount(limits)
  const proxies = given && trustedProxies(given)
  return listeners.map((settings) =>
    createWireServer({ settings, limits, open, ...(proxies && { proxies }), now, ...doors }),
  )
}

function trustedProxies({ trusted, sayFirst }: NonNullable<DataPlaneParts['proxies']>) {
  const isTrusted = createTrust(trusted)
  return { isTrusted, sourceOf: createSourceReader(trusted), sayFirst }
}

function readinessOf({ audit, isCurrent }: DataPlaneParts, isDraining: boolean): Readiness {
  const problems: string[] = []
  if (isDraining) problems.push('stopping')
  if (!audit.status().writable) problems.push('audit_unavailable')
  if (isCurrent?.() === false) problems.push('replica_stale')
  return { isReady: problems.length === 0, problems }
}

/** Connects the parts of the road, from the back to the front. */
function build(parts: DataPlaneParts, limits: DataPlaneLimits) {
  const { dial, log } = parts
  const directory = createDirectories(parts.catalog)
  const upstreams = createUpstreams({ dial, limits: limits.upstream })
  const lastUsed = createLastUsed(parts.grants, log)
  const quota = createQuota(parts.grants, parts.rateShare)
  const { throttle, cachedTokens } = limits
  const recogniser = createRecogniser({ ...parts, throttle, cachedTokens })
  const replay = parts.replay ?? createReplay(limits.rememberedProofs)
  const exchange = createExchange({ ...parts, recogniser, replay, quota, lastUsed })
  const forwarder = createForwarder({ ...parts, upstreams })
  const budget = createBodyBudget(limits.heldBodyBytes)
  const storedValues = createStoredValues(parts.credentials)
  const isSecret = (text: string) => storedValues().isIn(text)
  const describeParameters: DescribeParameters = (source) =>
    parts.describeParameters({ ...source, isSecret })
  const serveDoor = createDoor({
    ...{ ...parts, exchange, forwarder, directory, budget, storedValues, describeParameters },
  })
  return { upstreams, forwarder, lastUsed, quota, serveDoor, directory }
}

async function listenAll(servers: readonly WireServer[]): Promise<readonly Listener[]> {
  try {
    return await Promise.all(servers.map((server) => server.listen()))
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()))
    throw error
  }
}

function inFlightOf(servers: readonly WireServer[]): number {
  return servers.reduce((sum, { inFlight }) => sum + inFlight, 0)
}

/** Waits for the work, but no longer than this. */
async function within(graceMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, graceMs)
  })
  await Promise.race([work, deadline])
  clearTimeout(timer)
}
