/**
 * A server with two workers whose credential stays in a store elsewhere, an upstream that knows
 * which credentials are good, and an agent that calls through it.
 */

import { get } from 'node:http'
import { createAuthority, type Authority } from './pki.ts'
import { startProxy, type ProxyProcess } from './proxy-process.ts'
import { setSetting } from './store-settings.ts'
import type { TemporaryDirectory } from './temporary.ts'
import { startUpstream, type Upstream } from './upstream.ts'

export interface StoreBedOptions {
  readonly authority?: Authority
  /** Of `secret set --source`, once the directory is there. */
  readonly source: (directory: TemporaryDirectory) => string
  /** The section `stores`. */
  readonly stores?: (directory: TemporaryDirectory) => unknown
  readonly variables?: Readonly<Record<string, string>>
}

export interface Called {
  readonly status: number
  readonly body: string
}

export interface StoreBed {
  readonly proxy: ProxyProcess
  readonly upstream: Upstream
  /** Credentials that the upstream takes; others get 401. */
  accept(...keys: readonly string[]): void
  call(): Promise<Called>
  /** Calls, four at a time, until told to stop; then gives how often each status came. */
  load(): () => Promise<ReadonlyMap<number, number>>
  /** Resolves when every worker has this version of the secret in its memory. */
  versionEverywhere(version: string): Promise<void>
  /** Calls until every worker has asked the store after this moment. */
  askedEverywhere(since: number): Promise<void>
  close(): Promise<void>
}

export async function startStoreBed(options: StoreBedOptions): Promise<StoreBed> {
  const { authority = createAuthority(), variables = {} } = options
  let accepted: ReadonlySet<string> = new Set()
  const upstream = await startUpstream({
    authority,
    respond: (request) => {
      const given = request.header('authorization') ?? ''
      return { status: accepted.has(given.replace(/^Bearer /, '')) ? 200 : 401 }
    },
  })
  const proxy = await startProxy({ services: [{ id: 'stripe', upstream }], variables })
  const { directory } = proxy
  setSetting(directory.path, ['secret_dirs'], [directory.path])
  if (options.stores) setSetting(directory.path, ['stores'], options.stores(directory))
  await proxy.commandWell(['secret', 'set', 'stripe', '--source', options.source(directory)])
  await proxy.restart('SIGTERM', ['--workers', '2'])
  const token = await proxy.issue('stripe:read')

  const call = (): Promise<Called> => callOnce(`${proxy.url}/stripe/v1/charges`, token)

  async function lane(isGoing: () => boolean, statuses: Map<number, number>): Promise<void> {
    while (isGoing()) {
      const { status } = await call()
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }

  /** In each process. */
  const sources = async () =>
    (await proxy.client().secrets.sources()).items.filter(({ name }) => name === 'stripe')

  return {
    ...{ proxy, upstream, call },
    accept(...keys) {
      accepted = new Set(keys)
    },
    load() {
      let isGoing = true
      const statuses = new Map<number, number>()
      const lanes = Promise.all([0, 1, 2, 3].map(() => lane(() => isGoing, statuses)))
      return async () => {
        isGoing = false
        await lanes
        return statuses
      }
    },
    async versionEverywhere(version) {
      while (!(await sources()).every((known) => known.version === version));
    },
    async askedEverywhere(since) {
      do {
        await call()
      } while (!(await sources()).every(({ fetchedAt = 0 }) => fetchedAt > since))
    },
    async close() {
      await proxy.stop()
      await upstream.close()
    },
  }
}

function callOnce(url: string, token: string): Promise<Called> {
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.once('close', () => {
        resolve({ status: answer.statusCode ?? 0, body })
      })
    }).once('error', reject)
  })
}
