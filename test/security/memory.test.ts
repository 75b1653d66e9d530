/** A running agent's environment, heap and memory hold the phantom, and no form of the real key. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findSecret, makeKey } from '../support/canary.ts'
import { cleanEnvironment } from '../support/command.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import {
  readEnvironment,
  readMemory,
  SNAPSHOT_ARGUMENTS,
  takeHeapSnapshot,
} from '../support/process-memory.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { skipUnless } from '../support/skip.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const AGENT = join(import.meta.dirname, '..', 'support', 'agent.ts')
const isLinux = process.platform === 'linux'

const work = createTemporaryDirectory()
let upstream: Upstream
let proxy: ProxyProcess
let token: string
let agent: ChildProcess

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({ services: [{ id: 'stripe', secret: KEY, upstream }] })
  token = await proxy.issue('stripe:read,stripe:write')
  agent = spawn(process.execPath, [...SNAPSHOT_ARGUMENTS, AGENT], {
    cwd: work.path,
    env: { ...cleanEnvironment(work.path), PROXY_URL: proxy.url, PHANTOM_TOKEN: token },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [printed] = (await once(agent.stdout!, 'data')) as [Buffer]
  expect(printed.toString()).toBe('ch_fake1\n')
})

afterAll(async () => {
  agent.stdin?.end()
  await once(agent, 'close')
  await proxy.stop()
  await upstream.close()
  work.remove()
})

describe('a running agent', () => {
  it('made a call that the vendor answered because of the real key', () => {
    expect(upstream.count(`Bearer ${KEY}`)).toBe(1)
  })

  it.skipIf(skipUnless(isLinux, 'no /proc here to read an environment from'))(
    'holds the phantom and not the key in its environment',
    () => {
      const environment = readEnvironment(agent.pid!)
      expect(findSecret(environment, token)).toContain('plain')
      expect(findSecret(environment, KEY)).toEqual([])
    },
  )

  it('holds the phantom and not the key in its heap', async () => {
    const heap = await takeHeapSnapshot(agent.pid!, work.path)
    expect(findSecret(heap, token)).toContain('plain')
    expect(findSecret(heap, KEY)).toEqual([])
  })

  it.skipIf(skipUnless(isLinux, 'no /proc here to read memory from'))(
    'holds the phantom and not the key in all that a core would hold',
    () => {
      const found = { token: new Set<string>(), key: new Set<string>() }
      for (const stretch of readMemory(agent.pid!)) {
        for (const form of findSecret(stretch, token)) found.token.add(form)
        for (const form of findSecret(stretch, KEY)) found.key.add(form)
      }
      expect([...found.token]).toContain('plain')
      expect([...found.key]).toEqual([])
    },
  )
})
