/** Several processes behind one port: shared revocations, limits and audit; what happens when one dies. */

import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('sk_live_')
const PATH = '/stripe/v1/customers'

let upstream: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsStripe(KEY) })
  proxy = await startProxy({
    services: [{ id: 'stripe', secret: KEY, upstream }],
    ownPorts: ['stripe'],
    serveArguments: ['--workers', '2'],
  })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

/** Each on a connection of its own, which the workers take in turn; 0 when it was cut. */
function statusOf(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve) => {
    get(url, { agent: false, headers }, (answer) => {
      answer.resume().once('close', () => {
        resolve(answer.statusCode ?? 0)
      })
    }).once('error', () => {
      resolve(0)
    })
  })
}

const call = (token: string) =>
  statusOf(`${proxy.url}${PATH}`, { authorization: `Bearer ${token}` })

async function callTimes(times: number, token: string): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  const statuses = await Promise.all(Array.from({ length: times }, () => call(token)))
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`it never came true:\n${logText()}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

const logText = () => proxy.serves.at(-1)?.output.stderr ?? ''

interface LogLine {
  readonly event: string
  readonly worker?: string
  readonly pid?: number
}

function logged(event: string): readonly LogLine[] {
  return logText()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine)
    .filter((line) => line.event === event)
}

/** The newest process of each worker. */
function workerPids(): readonly number[] {
  const pids = new Map(logged('worker_started').map(({ worker, pid }) => [worker, pid ?? 0]))
  return [...pids.values()]
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const readiness = async () => {
  const answer = await fetch(`${proxy.control}/-/ready`)
  return (await answer.json()) as { ready: boolean; checks: Record<string, boolean> }
}

const isWhole = async () => (await readiness()).ready

describe('two workers', () => {
  it('share a port, and every request stands once in one of their journals', async () => {
    const token = await proxy.issue('stripe:read', { agent: 'counted' })
    expect(await callTimes(40, token)).toEqual({ 200: 40 })
    await until(async () =>
      (await proxy.audit({ agent: 'counted', decision: 'allow' })).every(({ outcome }) => outcome),
    )
    const records = await proxy.audit({ agent: 'counted', decision: 'allow' })
    expect(new Set(records.map(({ requestId }) => requestId)).size).toBe(40)
    expect(records).toHaveLength(40)
    const times = records.map(({ time }) => String(time))
    expect(times).toEqual([...times].sort())
    const writers = ['worker-1', 'worker-2'].map((writer) => linesOf(writer, 'counted'))
    expect(writers.every((lines) => lines > 0)).toBe(true)
    expect(writers[0]! + writers[1]!).toBe(40)
  })

  it('share the port of a service too', async () => {
    const token = await proxy.issue('stripe:read')
    const url = `http://127.0.0.1:${proxy.ownPort('stripe')}/v1/customers`
    for (let times = 0; times < 4; times++)
      expect(await statusOf(url, { authorization: `Bearer ${token}` })).toBe(200)
  })

  it('both know of a revocation when it is answered', async () => {
    const token = await proxy.issue('stripe:read')
    let isRevoked = false
    const hammer = async (): Promise<readonly number[]> => {
      const late: number[] = []
      while (late.length < 10) {
        const wasRevoked = isRevoked
        const status = await call(token)
        if (wasRevoked) late.push(status)
      }
      return late
    }
    const hammers = Array.from({ length: 8 }, hammer)
    await callTimes(20, token)
    await proxy.client().tokens.revoke({ token })
    isRevoked = true
    expect(new Set((await Promise.all(hammers)).flat())).toEqual(new Set([401]))
  })

  it('cut what is in flight, and the answer counts all of it', async () => {
    const token = await proxy.issue('stripe:read', { agent: 'patient' })
    upstream.respond(() => 'stall')
    try {
      const before = upstream.requests.length
      const stalled = callTimes(10, token)
      await upstream.until(() => upstream.requests.length >= before + 10)
      expect(await proxy.client().tokens.revoke({ agent: 'patient' })).toMatchObject({ cut: 10 })
      expect(Object.keys(await stalled)).not.toContain('200')
    } finally {
      upstream.respond(respondAsStripe(KEY))
    }
  })

  it('never exceed a number of requests', async () => {
    const { token } = JSON.parse(
      await proxy.issueByCommand('stripe:read', '--max-requests', '30', '--json'),
    ) as { token: string }
    expect(await callTimes(50, token)).toEqual({ 200: 30, 429: 20 })
  })

  it('TK-05 take a DPoP proof once', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const jwk = publicKey.export({ format: 'jwk' })
    const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
    const thumbprint = createHash('sha256').update(members).digest('base64url')
    const { token } = JSON.parse(
      await proxy.issueByCommand('stripe:read', '--bind', `dpop=${thumbprint}`, '--json'),
    ) as { token: string }
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const ath = createHash('sha256').update(token).digest('base64url')
    const claims = { jti: randomUUID(), htm: 'GET', htu: `${proxy.url}${PATH}`, ath }
    const input = [
      encode({ typ: 'dpop+jwt', alg: 'EdDSA', jwk }),
      encode({ ...claims, iat: Math.floor(Date.now() / 1000) }),
    ].join('.')
    const proof = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    const all = Array.from({ length: 8 }, () => statusOf(`${proxy.url}${PATH}`, headers))
    expect((await Promise.all(all)).filter((status) => status === 200)).toHaveLength(1)
  })

  it('both follow the files, and both keep the old ones when the new ones are wrong', async () => {
    const token = await proxy.issue('stripe:read')
    const elsewhere = await startUpstream({ respond: respondAsStripe(KEY) })
    const caFile = proxy.directory.write('elsewhere.pem', elsewhere.ca)
    const file = join(proxy.directory.path, 'apistronghold.yaml')
    const before = readFileSync(file, 'utf8')
    try {
      writeFileSync(file, 'version: 1\nenvironments: {production: {unknown: 1}}\n')
      process.kill(proxy.pid, 'SIGHUP')
      await until(() => logged('settings_kept').length > 0)
      expect(await callTimes(6, token)).toEqual({ 200: 6 })
      const line = ['--origin', elsewhere.origin, '--ca-file', caFile, '--allow-private-address']
      writeFileSync(file, before)
      await proxy.commandWell(['service', 'set', 'stripe', ...line])
      await until(() => logged('settings_reloaded').length === 3)
      const seen = upstream.requests.length
      await callTimes(6, token)
      expect(upstream.requests.length).toBe(seen)
      expect(workerPids()).toHaveLength(2)
    } finally {
      writeFileSync(file, before)
      process.kill(proxy.pid, 'SIGHUP')
      await until(() => logged('settings_reloaded').length === 6)
      await elsewhere.close()
    }
  })

  it('are seen in `status`', async () => {
    const { stdout } = await proxy.command(['status'])
    expect(stdout).toContain('2 of 2 serve')
    expect((await readiness()).checks).toMatchObject({ 'worker-1': true, 'worker-2': true })
  })
})

describe('a worker that dies', () => {
  it('is replaced, and the other one serves meanwhile', async () => {
    const token = await proxy.issue('stripe:read')
    const [victim = 0, survivor] = workerPids()
    process.kill(victim, 'SIGKILL')
    await until(() => logged('worker_ended').some(({ pid }) => pid === victim))
    expect(await callTimes(20, token)).toEqual({ 200: 20 })
    await until(isWhole)
    expect(workerPids()).toContain(survivor)
    expect(workerPids()).not.toContain(victim)
    expect(await callTimes(20, token)).toEqual({ 200: 20 })
  })

  it('knows every revocation when it is back', async () => {
    const token = await proxy.issue('stripe:read')
    const [victim = 0] = workerPids()
    process.kill(victim, 'SIGKILL')
    await proxy.client().tokens.revoke({ token })
    await until(() => !workerPids().includes(victim))
    expect(await callTimes(20, token)).toEqual({ 401: 20 })
    await until(isWhole)
  })

  it('holds no revocation up: one that does not answer is ended', async () => {
    const token = await proxy.issue('stripe:read')
    const [stopped = 0] = workerPids()
    process.kill(stopped, 'SIGSTOP')
    await proxy.client().tokens.revoke({ token })
    await until(() => !isAlive(stopped))
    await until(isWhole)
    expect(await callTimes(20, token)).toEqual({ 401: 20 })
  })

  it('keeps the port when all of them die at once', async () => {
    const token = await proxy.issue('stripe:read')
    const former = workerPids()
    for (const pid of former) process.kill(pid, 'SIGKILL')
    await until(() => workerPids().every((pid) => !former.includes(pid)))
    await until(isWhole)
    expect(await callTimes(10, token)).toEqual({ 200: 10 })
    expect(logged('worker_not_started')).toEqual([])
  })
})

describe('the server of workers', () => {
  it('leaves none behind when it is killed, and starts again', async () => {
    const token = await proxy.issue('stripe:read')
    const former = workerPids()
    await proxy.restart('SIGKILL')
    await until(() => !former.some(isAlive))
    expect(await callTimes(10, token)).toEqual({ 200: 10 })
  })

  it('closes what workers left open whose number it no longer has', async () => {
    const token = await proxy.issue('stripe:read', { agent: 'interrupted' })
    upstream.respond(() => 'stall')
    const before = upstream.requests.length
    const cut = callTimes(4, token)
    await upstream.until(() => upstream.requests.length === before + 4)
    await proxy.restart('SIGKILL', ['--workers', '1'])
    upstream.respond(respondAsStripe(KEY))
    expect(await cut).toEqual({ 0: 4 })
    const records = await proxy.audit({ agent: 'interrupted' })
    expect(records.map(({ outcome }) => outcome)).toMatchObject(
      Array.from({ length: 4 }, () => ({ result: 'unknown', cause: 'process_ended' })),
    )
    expect(await callTimes(4, token)).toEqual({ 200: 4 })
    expect(logged('worker_started')).toEqual([])
    await proxy.restart('SIGTERM', ['--workers', '2'])
  })

  it('ends with the reason when its workers cannot listen, and leaves none behind', async () => {
    const file = join(proxy.directory.path, 'apistronghold.yaml')
    const before = readFileSync(file, 'utf8')
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    await proxy.end('SIGTERM')
    writeFileSync(file, before.replace('listen: 127.0.0.1:0', `listen: 127.0.0.1:${port}`))
    const refused = await proxy.command(['serve', '--workers', '2'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(`127.0.0.1:${port}`)
    blocker.close()
    writeFileSync(file, before)
    await proxy.restart('SIGTERM')
  })

  it('runs in the background too', async () => {
    await proxy.end('SIGTERM')
    await proxy.commandWell(['start', '--workers', '2'])
    expect(await proxy.commandWell(['status'])).toContain('2 of 2 serve')
    await proxy.commandWell(['stop'])
    const wrong = await proxy.command(['serve', '--workers', 'many'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('workers')])
    await proxy.restart('SIGTERM')
  })

  it('lets requests end when it is stopped, and ends with all of them', async () => {
    const token = await proxy.issue('stripe:read')
    const former = workerPids()
    const ending = proxy.serves.at(-1)!
    const opened = Promise.withResolvers<undefined>()
    upstream.respond(async (request) => {
      await opened.promise
      return respondAsStripe(KEY)(request)
    })
    const before = upstream.requests.length
    const answers = callTimes(6, token)
    await upstream.until(() => upstream.requests.length === before + 6)
    ending.child.kill('SIGTERM')
    await until(() => logged('stopping').length > 0)
    opened.resolve(undefined)
    expect(await answers).toEqual({ 200: 6 })
    expect((await ending.finished).code).toBe(0)
    expect(former.some(isAlive)).toBe(false)
    upstream.respond(respondAsStripe(KEY))
    await proxy.restart('SIGTERM')
  })
})

/** Admitted requests of an agent in the journal of one writer. */
function linesOf(writer: string, agent: string): number {
  const path = join(proxy.stateDirectory, 'audit', writer, '0000000000000001.jsonl')
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line.includes('"intent"') && line.includes(agent)).length
}
