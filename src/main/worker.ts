/**
 * One of several processes behind the data plane's port. Its server keeps the database and all
 * memory that is shared; without that server it must not go on, since it would miss revocations.
 */

import { systemNow } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import { createChannel } from '../fleet/channel.ts'
import { remoteDesk, remoteStores, type ServerCalls, type WorkerCalls } from '../fleet/calls.ts'
import { createGate } from '../fleet/gate.ts'
import type { Gate } from '../policy/gate.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import { withUses } from '../secret/source-state.ts'
import { readServerKeys } from '../state-dir/key-files.ts'
import type { Journal } from '../storage/journal/journal.ts'
import { holdWorkerLock } from '../storage/sqlite/worker-lock.ts'
import { createTokenDigest } from '../token/digest.ts'
import { deriveKeys } from '../token/keys.ts'
import { openCredentials, type Credentials } from './credentials.ts'
import { dataPlaneOf, openDataTls } from './data-side.ts'
import { endOnCrash } from './lifetime.ts'
import type { LiveTls } from './live-tls.ts'
import { createLog } from './log.ts'
import type { Orders } from './orders.ts'
import { openSettings, type LiveSettings } from './settings.ts'
import { openAudit } from './state.ts'

const ANSWER_MS = 5000
/** Whom the server asks for a token may be slow. */
const TOKEN_MS = 15_000
/** Very many revocations take a while to read. */
const JOIN_MS = 60_000

type Server = ReturnType<typeof createChannel<ServerCalls<Orders>, WorkerCalls>>

process.umask(0o077)
// A terminal and a supervisor signal the whole group: it is the server that says what to do.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))

await serve()

async function serve(): Promise<void> {
  const built = Promise.withResolvers<WorkerCalls>()
  const server = connect(built.promise)
  try {
    const orders = await server.ask('orders')
    const { calls, listen } = await build(orders, server)
    built.resolve(calls)
    await listen()
  } catch (error) {
    const isWorded = error instanceof Failure
    const problem = isWorded ? error.message : 'a worker could not be built'
    await server.ask('failed', { code: isWorded ? error.code : 'refused', problem })
    process.exit(1)
  }
}

/** The server asks nothing before `join`, when all parts are there. */
function connect(built: Promise<WorkerCalls>): Server {
  const channel: Server = createChannel({
    send: (message) => process.send?.(message, undefined, undefined, () => undefined),
    calls: {
      apply: async (revocation) => (await built).apply(revocation),
      forget: async (name) => (await built).forget(name),
      reload: async () => (await built).reload(),
      states: async () => (await built).states(),
      report: async () => (await built).report(),
      stop: async (graceMs) => (await built).stop(graceMs),
    } satisfies WorkerCalls,
    timeoutMs: ANSWER_MS,
  })
  process.on('message', (message) => {
    channel.receive(message)
  })
  return channel
}

/** Everything but the listening, which waits for the revocations. */
async function build(orders: Orders, server: Server) {
  const log = createLog({ isVerbose: orders.isVerbose, worker: orders.writer })
  endOnCrash(log)
  holdWorkerLock(orders.state.path)
  const settings = await openSettings(orders.settings, log)
  const keys = await readServerKeys(orders.state)
  const derived = deriveKeys(keys.grantMac)
  const signing = keys.auditSigning
  const parts = { settings, derived, log, signing, hashKey: derived.auditHash, now: systemNow }
  const { writer, state: directory, sources: environment, workers, addresses } = orders
  const journal = await openAudit({ ...parts, directory, writer, isShared: true })
  const { sealed, versions, ...stores } = remoteStores(server)
  const { identity } = keys.vault
  const openDesk = () => remoteDesk(server.within(TOKEN_MS))
  const credentials = openCredentials({
    ...{ ...parts, sealed, versions, identity, environment, openDesk },
  })
  const gate = createGate()
  const tls = openDataTls(settings.current.config, log)
  const plane = dataPlaneOf({
    tls,
    ...{ settings, derived, log, ...stores, gate, credentials, audit: journal },
    ...{ tokenSigning: keys.tokenSigning, digest: createTokenDigest(derived.digest) },
    ...{ workers, addresses },
  })
  async function listen(): Promise<void> {
    for (const revocation of await server.within(JOIN_MS).ask('join')) gate.apply(revocation)
    await server.ask('ready', await plane.listen(), settings.current.catalog.digest)
  }
  return { calls: answers({ settings, gate, credentials, journal, plane, tls }), listen }
}

interface Built {
  readonly settings: LiveSettings
  readonly gate: Gate
  readonly credentials: Credentials
  readonly journal: Journal
  readonly plane: DataPlane
  readonly tls: LiveTls | undefined
}

function answers({ settings, gate, credentials, journal, plane, tls }: Built): WorkerCalls {
  return {
    apply: async (revocation) => gate.apply(revocation),
    forget: async (name) => {
      credentials.forget(name)
    },
    async reload() {
      tls?.reload()
      if (!(await settings.reload())) return undefined
      for (const name of settings.current.references.keys()) credentials.forget(name)
      return settings.current.catalog.digest
    },
    states: async () => withUses(credentials.states(), plane.credentialUses()),
    report: async () => ({ isReady: plane.readiness().isReady, inFlight: gate.liveCount }),
    async stop(graceMs) {
      tls?.close()
      const drained = await plane.close(graceMs)
      await credentials.close()
      await journal.close()
      return drained
    },
  }
}
