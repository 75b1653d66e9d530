/**
 * The thread that fills the audit's index and answers what is asked of it, so that neither holds up
 * a request. It reads the journal and writes the index, and knows no key and no environment.
 */

import { parentPort, workerData } from 'node:worker_threads'
import type { Log, LogFields } from '../base/log.ts'
import { createChannel } from '../fleet/channel.ts'
import type { KeyedFinding } from '../insight/alert.ts'
import { createWatch } from '../insight/anomaly/create-watch.ts'
import { startAuditIndex } from '../storage/audit-index/audit-index.ts'
import type { AuditServerCalls, AuditThreadCalls, AuditThreadOrders } from './audit-calls.ts'

const ANSWER_MS = 30_000
const RETRY_MS = 5000

const orders = workerData as AuditThreadOrders // from audit-index.ts beside this file
const server = createChannel<AuditServerCalls, AuditThreadCalls>({
  send: (message) => parentPort?.postMessage(message),
  calls: {
    query: (query) => index.query(query),
    activity: (query) => index.activity(query),
    counts: (query) => index.counts(query),
    status: () => index.status(),
    rebuild: () => index.rebuild(),
    async close() {
      await index.close()
      parentPort?.unref()
    },
  },
  timeoutMs: ANSWER_MS,
})

const index = startAuditIndex({
  ...orders,
  log: createRemoteLog(),
  createWatch: (learnt) => createWatch(learnt, orders.watch),
  onFindings: (findings) => void hand(findings),
})

parentPort?.on('message', (message) => {
  server.receive(message)
})

/** They stay in the index until somebody keeps them. */
async function hand(findings: readonly KeyedFinding[]): Promise<void> {
  try {
    await server.ask('found', findings)
    await index.acknowledge(findings.map(({ key }) => key))
  } catch {
    setTimeout(() => void hand(findings), RETRY_MS).unref()
  }
}

function createRemoteLog(): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}): void => {
      server.ask('log', level, event, fields).catch(() => undefined)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
