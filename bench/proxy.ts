/** Our proxy with all of its duty: token, scope, limits, vault, audit on disk. */

import { startProxy } from '../test/support/proxy-process.ts'
import type { Subject } from './subject.ts'

export async function startOurs(job: {
  readonly origin: string
  readonly ca: string
  readonly key: string
}): Promise<Subject> {
  const proxy = await startProxy({ services: [{ id: 'stripe', secret: job.key, upstream: job }] })
  const token = await proxy.issue('stripe:read,stripe:write')
  return {
    name: 'apistronghold, full duty',
    url: proxy.url,
    prefix: '/stripe',
    pid: proxy.pid,
    token,
    stop: () => proxy.stop(),
  }
}
