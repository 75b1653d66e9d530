/**
 * The composition root of `serve`: files -> state -> data plane, here or in workers -> control
 * plane -> graceful stop.
 * The only place that knows which database, journal and stores stand behind the contracts.
 */

import { createPublicKey } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { createApi } from './api/app.ts'
import { startApi, type RunningApi } from './api/server.ts'
import { systemNow } from './base/clock.ts'
import { Failure } from './base/errors.ts'
import { newRequestId } from './base/ids.ts'
import type { Log } from './base/log.ts'
import { formatAddress } from './config/address.ts'
import { formatRetention } from './config/audit.ts'
import { VERSION } from './config/version.ts'
import type { Config, ConfigRequest } from './config.ts'
import type { AuditRetention } from './jobs/audit-retention.ts'
import { openAlerts, type Alerts } from './main/alerts.ts'
import { openAuditRetention } from './main/audit-retention.ts'
import { openSoleDataPlane, type DataSide } from './main/data-side.ts'
import { openTls, type LiveTls } from './main/live-tls.ts'
import { boundLogFile } from './main/log-file.ts'
import { createLog } from './main/log.ts'
import { createReload, type RecordReload, type Reload } from './main/reload.ts'
import { openSettingsRecord, type SettingsRecord } from './main/settings-record.ts'
import { openSettings, type LiveSettings, type Settings } from './main/settings.ts'
import { openState, type OpenState } from './main/state.ts'
import { untilStopped, type Stop } from './main/lifetime.ts'
import { startWorkers } from './main/workers.ts'
import { unsafeEnvironment } from './network/unsafe-environment.ts'
import { verifyEnvelope } from './secret/envelope.ts'
import { formatReference } from './secret/reference.ts'
import { removeRun, writeRun, type Run } from './state-dir/run-file.ts'
import { openStateDirectory, type StateDirectory } from './state-dir.ts'
import { publishJwks } from './token/jwk.ts'
import { mintJwt } from './token/jwt.ts'
import { createKeyPairs } from './token/key-pair.ts'

export interface ServerRequest {
  /** Read at start and again at each reload. */
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
  readonly request: ServerRequest
  readonly settings: LiveSettings
  readonly settingsRecord: SettingsRecord
  readonly state: OpenState
  readonly log: Log
  readonly workers: number
  readonly startedAt: number
}

interface Planes {
  readonly data: DataSide
  readonly alerts: Alerts
  readonly retention: AuditRetention
  readonly api: RunningApi
  readonly reload: Reload
  /** The control plane's certificate; absent: plaintext. */
  readonly tls: LiveTls | undefined
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
  const { logFile: path, formerLogFile: formerPath } = request.state
  boundLogFile({ path, formerPath, log })
  warnOfDanger(settings.current.config, log)
  const workers = countWorkers(settings.current.config)
  const { state: directory, env } = request
  const state = await openState({ directory, settings, env, log, workers })
  const settingsRecord = openSettingsRecord({ path: directory.settings, settings, log })
  const server = { request, settings, settingsRecord, state, log, workers, startedAt: systemNow() }
  const planes = await startPlanes(server).catch(async (error: unknown) => {
    await state.close()
    throw error
  })
  writeRun(request.state, planes.run)
  const auditRetention = formatRetention(settings.current.config.audit)
  await recordChange(server, 'service.start', { ...planes.run, auditRetention })
  await settingsRecord.recordSinceLastRun((change) =>
    recordChange(server, 'settings.change', { since: 'the last run', ...change }),
  )
  log.info('started', { data: planes.run.data, control: planes.run.control })
  const stop = stopper(server, planes, request.state)
  return {
    run: planes.run,
    ...untilStopped({ stop, reload: () => reloadBySignal(server, planes), log }),
  }
}

function refuseUnsafeEnvironment(env: ServerRequest['env'], log: Log): void {
  for (const { variable, severity, why } of unsafeEnvironment(env)) {
    if (severity === 'stop')
      throw new Failure('refused', `${variable} is set, which ${why}: unset it and start again`)
    log.warn('unsafe_environment', { variable, why })
  }
}

function warnOfDanger({ audit }: Config, log: Log): void {
  if (!audit.dangerouslyBeforeResponse) return
  log.warn('dangerous_setting', {
    setting: 'audit.dangerously_before_response',
    means: 'requests leave before they are on record: a crash may leave some without one',
  })
}

function countWorkers({ workers }: Config): number {
  return workers === 'auto' ? availableParallelism() : workers
}

/** The data plane: in this process, unless more than one is asked for. */
function openData(server: Server): Promise<DataSide> {
  const { request, settings, state, log, workers } = server
  if (workers === 1) return openSoleDataPlane(settings, state, log)
  return startWorkers({
    ...{ settings, state, log },
    orders: {
      ...{ state: request.state, isVerbose: request.isVerbose, workers },
      settings: { ...request.settings, env: settingVariables(request.settings.env) },
    },
    onOtherFiles: () => process.kill(process.pid, 'SIGHUP'),
  })
}

/** A worker needs no more of the environment than what says something of the configuration. */
function settingVariables(env: ConfigRequest['env']): ConfigRequest['env'] {
  const entries = Object.entries(env).filter(([name]) => name.startsWith('APISTRONGHOLD_'))
  return Object.fromEntries(entries)
}

async function startPlanes(server: Server): Promise<Planes> {
  const { settings, log, request } = server
  const { control, environment } = settings.current.config
  const data = await openData(server)
  let alerts: Alerts | undefined
  try {
    alerts = openAlerts({ settings, state: server.state, gates: data.gates, log })
    const tls =
      control.tls && openTls({ plane: 'control', files: control.tls, log, now: systemNow })
    const desk = alerts
    server.state.index.follow((found) => desk.onFinding(found))
    const reload = createReload({ ...server, data, alerts, tls })
    const app = buildApi(server, { data, alerts, reload })
    const api = await startApi({ app, listen: control.listen, tls: tls?.current })
    const [main, ...others] = data.listeners.map(urlOf)
    const run = {
      pid: process.pid,
      data: main?.url ?? '',
      control: urlOf({ address: formatAddress(api.address), isSecure: tls !== undefined }).url,
      ...(tls && { controlCertificate: tls.current.fingerprint }),
      services: Object.fromEntries(others.map(({ service = '', url }) => [service, url])),
      environment,
      startedAt: server.startedAt,
    }
    tls?.follow((pair) => {
      api.renewTls(pair)
      writeRun(request.state, { ...run, controlCertificate: pair.fingerprint })
    })
    const retention = openAuditRetention({ ...server, directory: request.state })
    return { data, alerts, retention, api, reload, tls, run }
  } catch (error) {
    await data.close(0)
    await alerts?.close()
    throw error
  }
}

interface Place {
  readonly address: string
  readonly service?: string | undefined
  readonly isSecure: boolean
}

function urlOf({ address, service, isSecure }: Place) {
  return { service, url: `${isSecure ? 'https' : 'http'}://${address}` }
}

function buildApi(
  { settings, state, log, startedAt }: Server,
  { data, alerts, reload }: Pick<Planes, 'data' | 'alerts' | 'reload'>,
) {
  const { config } = settings.current
  const { environment } = config
  const privateKey = state.keys.tokenSigning
  return createApi({
    instance: { version: VERSION, environment, pid: process.pid, startedAt },
    hosts: { listenHost: config.control.listen.host, names: config.control.hosts },
    lifetimes: config.tokens,
    stores: state.stores,
    gates: data.gates,
    audit: state.journal,
    auditIndex: state.index,
    checkpoints: state.checkpoints,
    catalog: () => settings.current.catalog,
    forgetCredential: (name) => data.forget(name),
    secretStates: () => data.secretStates(),
    isCredentialConfigured: (name) => state.credentials.isConfigured(name),
    credentialReference: (name) => referenceTo(settings.current, name),
    verifyEnvelope: (text) => verifyEnvelope(text, settings.current.config.vault.sealers),
    digestOf: state.digest,
    keyPairOf: createKeyPairs(state.derived.keyPair),
    mintJwt: (grant) => mintJwt(grant, { issuer: 'apistronghold', environment, privateKey }),
    publicKeys: () => publishJwks([createPublicKey(privateKey)]),
    readiness: async () => ({
      audit: state.journal.status().writable,
      ...(await data.checks()),
    }),
    testAlerts: () => alerts.test(),
    reload: (record) => reload({ record, isRecordedFirst: true }),
    cursorKey: state.derived.cursor,
    log,
    now: systemNow,
  })
}

/** As text: where a credential comes from, never what is there. */
function referenceTo({ references }: Settings, name: string): string | undefined {
  const reference = references.get(name)
  return reference && formatReference(reference)
}

/** A signal does not say who sent it, and nobody hears that it could not be recorded. */
async function reloadBySignal(server: Server, { reload }: Planes): Promise<void> {
  const record: RecordReload = (details) => recordChange(server, 'settings.reload', details)
  await reload({ record, isRecordedFirst: false })
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

function stopper(
  server: Server,
  { data, alerts, retention, api, tls }: Planes,
  directory: StateDirectory,
): Stop {
  return async () => {
    const graceMs = server.settings.current.config.limits.stopGraceSeconds * 1000
    tls?.close()
    const [drained] = await Promise.all([data.close(graceMs), api.close(graceMs)])
    await retention.close()
    await alerts.close()
    await recordChange(server, 'service.stop', { ...drained }).catch(() => {
      server.log.error('stop_not_recorded')
    })
    removeRun(directory, process.pid)
    await server.state.close()
  }
}
