/** The data plane of a server as its control plane sees it: in this process, or in its workers. */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { redactParameters } from '../audit/parameters.ts'
import { systemNow } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Address } from '../config/address.ts'
import type { Config } from '../config.ts'
import { soleGate } from '../fleet/gates.ts'
import { createDial } from '../network/dial.ts'
import type { Gates } from '../policy/gate.ts'
import {
  createDataPlane,
  type DataPlane,
  type DataPlaneParts,
  type DrainReport,
} from '../proxy/data-plane.ts'
import type { DataPlaneLimits } from '../proxy/limits.ts'
import type { Listener } from '../proxy/wire/message.ts'
import { withUses, type ProcessSourceState } from '../secret/source-state.ts'
import type { DerivedKeys } from '../token/keys.ts'
import { createJwtVerifier } from '../token/jwt.ts'
import { createKeyPairs } from '../token/key-pair.ts'
import { tokenModeOf } from '../token/token.ts'
import type { Credentials } from './credentials.ts'
import { openTls, type LiveTls } from './live-tls.ts'
import { planeLimits } from './plane-limits.ts'
import type { LiveSettings } from './settings.ts'
import type { OpenState } from './state.ts'
import { wayOut } from './way-out.ts'

export interface DataSide {
  readonly listeners: readonly Listener[]
  readonly gates: Gates
  /** Each part by name: whether it works right now. */
  checks(): Promise<Readonly<Record<string, boolean>>>
  /** Answers when nobody uses the former value of a credential any more. */
  forget(name: string): Promise<void>
  /** What each process that serves agents knows of each secret; never a value. */
  secretStates(): Promise<readonly ProcessSourceState[]>
  /** The files were read again here, and must count everywhere. */
  reload(): Promise<void>
  close(graceMs: number): Promise<DrainReport>
}

/** Where a listener goes, and the only service that it is for. */
export type ListenAddress = Address & { readonly service?: string }

/** Everything that a data plane is made of, whoever keeps it. */
export interface DataPlaneSources extends Pick<
  DataPlaneParts,
  'grants' | 'gate' | 'audit' | 'digest' | 'replay'
> {
  readonly credentials: Credentials
  readonly settings: LiveSettings
  readonly addresses: readonly ListenAddress[]
  readonly tokenSigning: KeyObject
  readonly derived: DerivedKeys
  readonly log: Log
  /** Absent: plaintext. */
  readonly tls: LiveTls | undefined
  /** Processes that serve the same agents. */
  readonly workers: number
}

/** The ports of the configuration, the data plane's own first. */
export function listenAddresses({ data }: Config): readonly ListenAddress[] {
  const services = [...data.serviceListen].map(([service, address]) => ({ ...address, service }))
  return [data.listen, ...services]
}

/** The certificate that this configuration names, if any; throws `config_invalid`. */
export function openDataTls({ data }: Config, log: Log): LiveTls | undefined {
  return data.tls && openTls({ plane: 'data', files: data.tls, log, now: systemNow })
}

export function dataPlaneOf(sources: DataPlaneSources): DataPlane {
  const { settings, derived, tokenSigning, workers, addresses, tls, ...parts } = sources
  const { config } = settings.current
  const { trustedProxies: trusted, proxyProtocol: sayFirst } = config.data
  const origin = { issuer: 'apistronghold', environment: config.environment }
  const plane = createDataPlane({
    ...parts,
    listeners: addresses.map((address) => ({ ...address, ...(tls && { tls: tls.current }) })),
    ...(trusted.length > 0 && { proxies: { trusted, sayFirst } }),
    catalog: () => settings.current.catalog,
    dial: createDial({ proxy: wayOut(config.upstreamProxy, parts.credentials) }),
    verifyJwt: createJwtVerifier({ ...origin, publicKeys: [createPublicKey(tokenSigning)] }),
    keyPairOf: createKeyPairs(derived.keyPair),
    mode: tokenModeOf(config.environment),
    describeParameters: (source) => redactParameters({ ...source, key: derived.auditHash }),
    limits: sharedLimits(config, workers),
    rateShare: 1 / workers,
    auditsBeforeResponse: config.audit.dangerouslyBeforeResponse,
    now: systemNow,
  })
  tls?.follow((pair) => {
    plane.renewTls(pair)
  })
  return plane
}

/** What all processes together may use, shared out; what a single request may stays as it is. */
function sharedLimits(config: Config, workers: number): DataPlaneLimits {
  const limits = planeLimits(config.limits)
  const { wire, upstream, throttle } = limits
  const share = (count: number): number => Math.ceil(count / workers)
  return {
    ...limits,
    wire: {
      ...wire,
      connections: share(wire.connections),
      connectionsPerSource: share(wire.connectionsPerSource),
    },
    upstream: {
      ...upstream,
      connectionsPerPool: share(upstream.connectionsPerPool),
      maxQueued: share(upstream.maxQueued),
    },
    throttle: { perSource: throttle.perSource / workers, overall: throttle.overall / workers },
    heldBodyBytes: Math.floor(limits.heldBodyBytes / workers),
  }
}

/** The data plane in this process, listening. */
export async function openSoleDataPlane(
  settings: LiveSettings,
  state: OpenState,
  log: Log,
): Promise<DataSide> {
  const { keys, stores, journal, credentials, gate } = state
  const tls = openDataTls(settings.current.config, log)
  const plane = dataPlaneOf({
    tls,
    ...{ settings, log, gate, credentials, audit: journal, grants: stores.grants, workers: 1 },
    ...{ derived: state.derived, digest: state.digest, tokenSigning: keys.tokenSigning },
    addresses: listenAddresses(settings.current.config),
  })
  return {
    listeners: await plane.listen(),
    gates: soleGate(gate),
    checks: async () => ({ data: plane.readiness().isReady }),
    forget: async (name) => {
      credentials.forget(name)
    },
    secretStates: async () => [
      ...withUses(credentials.states(), plane.credentialUses()).map((known) => ({
        ...known,
        process: 'local',
      })),
      ...credentials.tokenStates(),
    ],
    reload: async () => {
      tls?.reload()
      for (const name of settings.current.references.keys()) credentials.forget(name)
    },
    close: (graceMs) => {
      tls?.close()
      return plane.close(graceMs)
    },
  }
}
