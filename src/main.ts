/**
 * The composition root of `serve`: files -> state -> parts -> two listeners -> graceful stop.
 * The only place that knows which database, journal and stores stand behind the contracts.
 */

import { createPublicKey } from 'node:crypto'
import { createApi } from './api/app.ts'
import { startApi, type RunningApi } from './api/server.ts'
import { redactParameters } from './audit/parameters.ts'
import { systemNow } from './base/clock.ts'
import { Failure } from './base/errors.ts'
import { newRequestId } from './base/ids.ts'
import type { Log } from './base/log.ts'
import { formatAddress } from './config/address.ts'
import { VERSION } from './config/version.ts'
import type { ConfigRequest } from './config.ts'
import { createLog } from './main/log.ts'
import { changedServices } from './main/settings-change.ts'
import { openSettings, type LiveSettings } from './main/settings.ts'
import { openState, type OpenState } from './main/state.ts'
import { untilStopped, type Stop } from './main/lifetime.ts'
import { createDial } from './network/dial.ts'
import { unsafeEnvironment } from './network/unsafe-environment.ts'
import { createDataPlane, type DataPlane } from './proxy/data-plane.ts'
import { verifyEnvelope } from './secret/envelope.ts'
import { removeRun, writeRun, type Run } from './state-dir/run-file.ts'
import { openStateDirectory, type StateDirectory } from './state-dir.ts'
import { publishJwks } from './token/jwk.ts'
import { createJwtVerifier, mintJwt } from './token/jwt.ts'
import { tokenModeOf } from './token/token.ts'

export interface ServerRequest {
  /** Read at start and again at each SIGHUP. */
  readonly settings: ConfigRequest
  readonly state: StateDirectory
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isVerbose: boolean
}

export interface RunningServer {
  /** Where both planes really listen. */
  readonly run: Run
  /** Ends gracefully; what is in flight has the configured grace. */
  stop(): Promise<void>
  /** Resolves with the exit code when the server has ended, by `stop` or by a signal. */
  readonly closed: Promise<number>
}

/** Everything that the planes are built from. */
interface Server {
  readonly settings: LiveSettings
  readonly state: OpenState
  readonly log: Log
  readonly startedAt: number
}

interface Planes {
  readonly data: DataPlane
  readonly api: RunningApi
  readonly run: Run
}

/**
 * Starts both planes. Throws before anything listens: `config_*`, `catalog_invalid`, `state_*`,
 * `key_*`, `database_unavailable`, `audit_unavailable`; or `listen_failed`, with all closed again.
 */
export async function runServer(request: ServerRequest): Promise<RunningServer> {
  const log = createLog(request)
  refuseUnsafeEnvironment(request.env, log)
  const settings = await openSettings(request.settings, log)
  openStateDirectory(request.state, settings.current.config.environment)
  const state = await openState({ directory: request.state, settings, env: request.env, log })
  const server = { settings, state, log, startedAt: systemNow() }
  const planes = await startPlanes(server).catch(async (error: unknown) => {
    await state.close()
    throw error
  })
  writeRun(request.state, planes.run)
  await recordChange(server, 'service.start', { ...planes.run })
  log.info('started', { data: planes.run.data, control: planes.run.control })
  const stop = stopper(server, planes, request.state)
  return { run: planes.run, ...untilStopped({ stop, reload: () => reload(server), log }) }
}

function refuseUnsafeEnvironment(env: ServerRequest['env'], log: Log): void {
  for (const { variable, severity, why } of unsafeEnvironment(env)) {
    if (severity === 'stop')
      throw new Failure('refused', `${variable} is set, which ${why}: unset it and start again`)
    log.warn('unsafe_environment', { variable, why })
  }
}

async function startPlanes(server: Server): Promise<Planes> {
  const { config } = server.settings.current
  const data = createDataPlane(dataPlaneParts(server))
  const listeners = await data.listen()
  try {
    const api = await startApi({ app: buildApi(server, data), listen: config.control.listen })
    const [main, ...others] = listeners.map(({ address, service }) => ({
      service,
      url: `http://${address}`,
    }))
    const run = {
      pid: process.pid,
      data: main?.url ?? '',
      control: `http://${formatAddress(api.address)}`,
      services: Object.fromEntries(others.map(({ service = '', url }) => [service, url])),
      environment: config.environment,
      startedAt: server.startedAt,
    }
    return { data, api, run }
  } catch (error) {
    await data.close(0)
    throw error
  }
}

function dataPlaneParts({ settings, state, log }: Server): Parameters<typeof createDataPlane>[0] {
  const { config } = settings.current
  const origin = { issuer: 'apistronghold', environment: config.environment }
  const publicKeys = [createPublicKey(state.keys.tokenSigning)]
  return {
    listeners: [
      config.data.listen,
      ...[...config.data.serviceListen].map(([service, address]) => ({ ...address, service })),
    ],
    catalog: () => settings.current.catalog,
    grants: state.stores.grants,
    gate: state.gate,
    credentials: state.credentials,
    audit: state.journal,
    dial: createDial(),
    digest: state.digest,
    verifyJwt: createJwtVerifier({ ...origin, publicKeys }),
    mode: tokenModeOf(config.environment),
    describeParameters: (source) => redactParameters({ ...source, key: state.derived.auditHash }),
    limits: { heldBodyBytes: config.limits.bufferedBodiesBytes },
    now: systemNow,
    log,
  }
}

function buildApi({ settings, state, log, startedAt }: Server, data: DataPlane) {
  const { config } = settings.current
  const { environment } = config
  const privateKey = state.keys.tokenSigning
  return createApi({
    instance: { version: VERSION, environment, pid: process.pid, startedAt },
    hosts: { listenHost: config.control.listen.host, names: config.control.hosts },
    lifetimes: config.tokens,
    stores: state.stores,
    gate: state.gate,
    audit: state.journal,
    auditReader: state.reader,
    catalog: () => settings.current.catalog,
    credentials: state.credentials,
    isCredentialConfigured: (name) => state.credentials.isConfigured(name),
    verifyEnvelope: (text) => verifyEnvelope(text, settings.current.config.vault.sealers),
    digestOf: state.digest,
    mintJwt: (grant) => mintJwt(grant, { issuer: 'apistronghold', environment, privateKey }),
    publicKeys: () => publishJwks([createPublicKey(privateKey)]),
    readiness: async () => ({
      audit: state.journal.status().writable,
      data: data.readiness().isReady,
    }),
    cursorKey: state.derived.cursor,
    log,
    now: systemNow,
  })
}

async function reload(server: Server): Promise<void> {
  const before = server.settings.current
  if (!(await server.settings.reload())) return
  const { current } = server.settings
  for (const name of current.references.keys()) server.state.credentials.forget(name)
  const services = changedServices(before, current)
  await recordChange(server, 'settings.reload', { catalog: current.catalog.digest, services })
}

/** What the process does by itself stands in the audit under the name `system`. */
async function recordChange(
  { state, settings }: Server,
  action: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  await state.journal.change({
    ...{ at: systemNow(), requestId: newRequestId(), operator: 'system', action, details },
    ...{ target: settings.current.config.environment, result: 'done', source: 'local' },
  })
}

function stopper(server: Server, { data, api }: Planes, directory: StateDirectory): Stop {
  return async () => {
    const graceMs = server.settings.current.config.limits.stopGraceSeconds * 1000
    const [drained] = await Promise.all([data.close(graceMs), api.close(graceMs)])
    await recordChange(server, 'service.stop', { ...drained }).catch(() => {
      server.log.error('stop_not_recorded')
    })
    removeRun(directory, process.pid)
    await server.state.close()
  }
}
