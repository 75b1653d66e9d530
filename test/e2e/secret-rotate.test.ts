/** A stored credential replaced on a running server with two workers, while requests use it. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const OLD = makeKey('sk_live_')
const NEW = makeKey('sk_live_')

let upstream: Upstream
let proxy: ProxyProcess
let token: string

beforeAll(async () => {
  upstream = await startUpstream()
  proxy = await startProxy({ services: [{ id: 'stripe', upstream, secret: OLD }] })
  await proxy.restart('SIGTERM', ['--workers', '2'])
  token = await proxy.issue('stripe:read')
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

const call = async (): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${proxy.url}/stripe/v1/charges`, { headers })
  await answer.arrayBuffer()
  return answer.status
}

/** A request that has reached the upstream, which keeps its answer back until `finish`. */
async function startCall() {
  const answer = Promise.withResolvers<undefined>()
  const seen = upstream.requests.length
  upstream.respond(async () => {
    await answer.promise
    return { status: 200 }
  })
  const status = call()
  await upstream.until(() => upstream.requests.length > seen)
  upstream.respond(() => ({ status: 200 }))
  const finish = (): void => {
    answer.resolve(undefined)
  }
  return { status, finish }
}

it('a rotation lets requests under way end with the former one, and says when none is left', async () => {
  const { status, finish } = await startCall()
  const rotate = ['secret', 'rotate', 'stripe', '--json', '--overlap']

  const early = await proxy.command([...rotate, '1s'], NEW)
  expect(early.code).toBe(1)
  expect(early.stderr).toContain('1 request is under way with a former one')
  expect(await call()).toBe(200)
  expect(upstream.count(NEW)).toBe(1)
  expect(await proxy.commandWell(['secret', 'status', 'stripe'])).toContain('1 (1 with v1)')

  const late = proxy.command([...rotate, '1m'], NEW)
  finish()
  const { code, stdout } = await late
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ name: 'stripe', version: 3, inFlight: 0 })
  expect(await status).toBe(200)
})

it('a rotation that names no duration is told how', async () => {
  const { code, stderr } = await proxy.command(['secret', 'rotate', 'stripe', '--overlap', 'soon'])
  expect([code, stderr]).toEqual([2, expect.stringContaining('30s, 10m or 2h')])
})
