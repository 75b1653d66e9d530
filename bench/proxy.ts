/** apistronghold with all of its duty: token, scope, limits, vault, audit on disk. */

import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProxy, type ProxyOptions, type ProxyProcess } from '../test/support/proxy-process.ts'
import type { StartSubject } from './subject.ts'

/** Starts the command with profiler.ts loaded. */
const PROFILED = join(import.meta.dirname, 'profiled.ts')

/** Starts the command with an audit that keeps nothing. */
export const UNAUDITED = join(import.meta.dirname, 'unaudited.ts')

export interface OursOptions {
  /** Where its state is kept, if not in the usual place for temporary files. */
  readonly stateRoot?: string
  /** Another script than the command's own. */
  readonly script?: string
}

export function startOurs({ stateRoot = tmpdir(), script }: OursOptions = {}): StartSubject {
  return async ({ job, nodeOptions }) => {
    // Only verified TLS and loopback are ways out, and an origin of the configuration is https.
    if (!existsSync(stateRoot) || !job.origin.startsWith('https:')) return undefined
    const proxy = await startedIn(stateRoot, {
      services: [{ id: 'stripe', secret: job.key, upstream: job }],
      ...(script !== undefined && { script }),
      ...(nodeOptions.length > 0 && { script: PROFILED }),
    })
    return {
      port: proxy.port,
      pid: proxy.pid,
      prefix: '/stripe',
      token: await proxy.issue('stripe:read,stripe:write'),
      stop: () => proxy.stop(),
    }
  }
}

/** `startProxy` makes a temporary directory, whose place the environment names. */
async function startedIn(root: string, options: ProxyOptions): Promise<ProxyProcess> {
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = root
  try {
    return await startProxy(options)
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
  }
}
