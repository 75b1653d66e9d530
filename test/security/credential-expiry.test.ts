/** When a credential in memory ends, on real requests: how often its store is asked, and for what. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/base/errors.ts'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import type { CredentialSource } from '../../src/secret/credential-source.ts'
import type { StoredSecret } from '../../src/secret/secret-store.ts'
import { Secret } from '../../src/secret/secret.ts'
import { createCredentialSource, SOURCE_LIMITS } from '../../src/secret-stores/sources.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'
import { createWaiting } from '../support/waiting.ts'

const OLD = 'sk_live_old_canary3f9d2c'
const NEW = 'sk_live_new_canary3f9d2c'
const MANY = 5000
const FRESH_MS = 300_000

let plane: TestPlane
afterEach(() => plane.stop())

const NOTHING = { debug: () => undefined, info: () => undefined }

/** A store elsewhere, how often it was read, and the source of one process over it. */
function openStore() {
  const clock = { now: Date.now() }
  const { ask, until } = createWaiting()
  const store = { value: OLD, version: 1, reads: 0, waiting: 0, isDown: false }
  let opened: Promise<unknown> = Promise.resolve()
  const read = async (): Promise<StoredSecret> => {
    store.reads += 1
    const { value, version, isDown } = store
    await opened
    if (isDown) throw new Failure('secret_store_unavailable', 'no connection')
    return { fields: new Map([['secret', new Secret(value)]]), version: `v${version}` }
  }
  const source = createCredentialSource({
    references: () => new Map([['stripe', { source: 'hashicorp', place: 'secret/data/stripe' }]]),
    stores: {
      vault: { read },
      env: { read },
      file: { read },
      hashicorp: { read },
      'aws-sm': { read },
    },
    shapeOf: () => undefined,
    now: () => clock.now,
    // No deadline of ours may end the question while requests still come.
    limits: { ...SOURCE_LIMITS, timeoutMs: 600_000 },
    log: { ...NOTHING, warn: () => undefined, error: () => undefined },
  })
  const credentials: Required<CredentialSource> = {
    ...source,
    get(name, origin) {
      store.waiting += 1
      ask()
      return source.get(name, origin)
    },
  }
  return {
    ...{ store, clock, credentials, until },
    rotate: (value: string): void => {
      store.value = value
      store.version += 1
    },
    /** Reads wait from now on, until what it gives is called. */
    hold: (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      opened = promise
      return () => {
        resolve(undefined)
      }
    },
  }
}

const textOf = (token: string): string =>
  requestText('GET /stripe/v1/customers', [
    ...['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close'],
  ])

async function call(token: string): Promise<number> {
  return (await exchangeRaw(plane.port, textOf(token))).status
}

describe('an upstream that says 401', () => {
  /** Takes this key and no other. */
  const accept = (key: string): void => {
    plane.upstream.respond((request) => ({
      status: request.header('authorization') === `Bearer ${key}` ? 200 : 401,
    }))
  }

  it('to a key that was rotated makes the store be read once more, for the next request', async () => {
    const { store, clock, credentials, rotate } = openStore()
    plane = await startPlane({ credentials })
    const token = plane.issue()
    accept(OLD)
    expect(await call(token)).toBe(200)
    rotate(NEW)
    accept(NEW)
    clock.now += 11_000
    expect(await call(token)).toBe(401)
    expect(store.reads).toBe(1)
    expect(await call(token)).toBe(200)
    expect(store.reads).toBe(2)
    expect(plane.upstream.count(NEW)).toBe(1)
  })

  it('to a key that is still the stored one does not make the store be read at each request', async () => {
    const { store, clock, credentials } = openStore()
    plane = await startPlane({ credentials })
    const token = plane.issue()
    accept(NEW)
    expect(await call(token)).toBe(401)
    clock.now += 11_000
    for (let time = 0; time < 20; time++) expect(await call(token)).toBe(401)
    expect(store.reads).toBe(2)
  })

  it('to a key while the store is down does not take the key away', async () => {
    const { store, clock, credentials } = openStore()
    plane = await startPlane({ credentials })
    const token = plane.issue()
    accept(NEW)
    expect(await call(token)).toBe(401)
    store.isDown = true
    clock.now += 11_000
    expect(await call(token)).toBe(401)
    accept(OLD)
    expect(await call(token)).toBe(200)
    expect(store.reads).toBe(2)
  })
})

/** Opens a connection, sends the request, and resolves with the status once that has come. */
async function startCall(token: string): Promise<{ readonly status: Promise<number> }> {
  const socket = connect({ port: plane.port, host: '127.0.0.1' })
  const status = new Promise<number>((resolve, reject) => {
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.once('error', reject).once('close', () => {
      resolve(Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]))
    })
  })
  await once(socket, 'connect')
  socket.write(textOf(token))
  return { status }
}

/** Few connections, since handshakes cost most of the time, and no haste. */
const PATIENT = {
  ...{ connectionsPerPool: 16, maxQueued: 2 * MANY },
  ...{ connectTimeoutMs: 60_000, queueTimeoutMs: 60_000 },
}

/** In waves that the plane has taken up, or the system's queue of new connections is full. */
async function startMany(
  token: string,
  untilWaiting: (count: number) => Promise<void>,
): Promise<readonly Promise<number>[]> {
  const started: Promise<number>[] = []
  while (started.length < MANY) {
    const wave = await Promise.all(Array.from({ length: 250 }, () => startCall(token)))
    started.push(...wave.map(({ status }) => status))
    await untilWaiting(started.length)
  }
  return started
}

it(
  'AV-08 5,000 requests at the end of a credential cause one question to its store',
  { timeout: 120_000 },
  async () => {
    const { store, clock, credentials, rotate, hold, until } = openStore()
    const { wire, upstream } = DEFAULT_LIMITS
    plane = await startPlane({
      credentials,
      limits: {
        ...DEFAULT_LIMITS,
        wire: { ...wire, connectionsPerSource: 2 * MANY, headTimeoutMs: 60_000 },
        upstream: { ...upstream, ...PATIENT },
      },
    })
    const token = plane.issue()
    expect(await call(token)).toBe(200)
    rotate(NEW)
    clock.now += FRESH_MS
    store.waiting = 0
    const release = hold()
    const started = await startMany(token, (count) => until(() => store.waiting === count))
    release()
    const statuses = await Promise.all(started)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(store.reads).toBe(2)
    expect(plane.upstream.count(NEW)).toBe(MANY)
    expect(plane.upstream.count(OLD)).toBe(1)
  },
)
