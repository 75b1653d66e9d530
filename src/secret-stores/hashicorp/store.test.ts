import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { VERSION_OF } from '../../../test/contract/secret-store-openers.ts'
import { startFakeVault, type FakeVault } from '../../../test/support/fake-vault.ts'
import { askLoopback } from '../../../test/support/loopback.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import type { SecretStore } from '../../secret/secret-store.ts'
import { Secret } from '../../secret/secret.ts'
import type { VaultAuth } from './login.ts'
import { createHashicorpStore, type HashicorpParts } from './store.ts'

const CANARY = 'canary3f9d2c'
const NOW = Date.UTC(2026, 10, 20, 12)

let vault: FakeVault
let directory: TemporaryDirectory
let opened: Required<SecretStore>[] = []

beforeEach(async () => {
  directory = createTemporaryDirectory()
  vault = await startFakeVault()
})

afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()))
  opened = []
  await vault.close()
  directory.remove()
})

const held = (value: () => string) => async () => new Secret(value())

const auths: Readonly<Record<VaultAuth['method'], () => VaultAuth>> = {
  token: () => ({ method: 'token', readToken: held(() => `${vault.rootToken}\n`) }),
  approle: () => ({
    ...{ method: 'approle', mount: 'approle' },
    readRoleId: held(() => vault.roleId),
    readSecretId: held(() => vault.secretId),
  }),
  kubernetes: () => ({
    ...{ method: 'kubernetes', mount: 'kubernetes', role: 'proxy' },
    jwtFile: directory.write('jwt', `${vault.jwt}\n`),
  }),
}

function open(auth: VaultAuth['method'] = 'approle', overrides: Partial<HashicorpParts> = {}) {
  const store = createHashicorpStore({
    address: new URL(vault.url),
    namespace: undefined,
    ca: undefined,
    allowPrivateAddress: true,
    auth: auths[auth](),
    ask: askLoopback(),
    versionOf: VERSION_OF,
    now: Date.now,
    ...overrides,
  })
  opened.push(store)
  return store
}

const valuesOf = (stored: Awaited<ReturnType<SecretStore['read']>>) =>
  stored && Object.fromEntries([...stored.fields].map(([name, value]) => [name, value.reveal()]))

const failureOf = (reading: Promise<unknown>) => reading.catch((error: unknown) => error)

const reads = (path: string) => vault.requests.filter((line) => line === `GET ${path}`).length
const logins = () => vault.requests.filter((line) => line.endsWith('/login')).length

describe('what HashiCorp Vault holds', () => {
  it('is read from KV of version 2, with its version', async () => {
    vault.putV2('stripe', { key: 'one' })
    const number = vault.putV2('stripe', { key: 'two', note: 7, more: { a: 1 } })
    const stored = await open().read('secret/data/stripe')
    expect(stored?.version).toBe(`v${number}`)
    expect(valuesOf(stored)).toEqual({ key: 'two', note: '7', more: '{"a":1}' })
  })

  it('is read from KV of version 1, whose duration is no lease', async () => {
    vault.putV1('kv/stripe', { key: 'one' })
    const stored = await open().read('kv/stripe')
    expect(valuesOf(stored)).toEqual({ key: 'one' })
    expect(stored?.expiresAt).toBeUndefined()
  })

  it('is not there once its newest version was deleted', async () => {
    vault.putV2('stripe', { key: 'one' })
    vault.deleteV2('stripe')
    expect(await open().read('secret/data/stripe')).toBeUndefined()
  })

  it('CE-12 says which path is meant where the engine is of version 2', async () => {
    expect(await failureOf(open().read('secret/stripe'))).toMatchObject({
      code: 'secret_invalid',
      message: 'secret/stripe is in a KV engine of version 2, where it is secret/data/stripe',
    })
  })

  it('CE-12 says what the policy lacks, and shows nothing', async () => {
    const failure = await failureOf(open().read('secret/data/forbidden'))
    expect(failure).toMatchObject({ code: 'secret_store_unavailable' })
    expect(String(failure)).toContain('the policy of the proxy\'s token needs "read" on it')
    expect(inspect(failure, { depth: 9 })).not.toContain('hvs.')
  })

  it('is asked for in the namespace', async () => {
    await vault.close()
    vault = await startFakeVault({ namespace: 'team-a' })
    vault.putV2('stripe', { key: 'one' })
    expect(
      valuesOf(await open('approle', { namespace: 'team-a' }).read('secret/data/stripe')),
    ).toEqual({ key: 'one' })
    expect(await failureOf(open('token').read('secret/data/stripe'))).toMatchObject({
      code: 'secret_store_unavailable',
    })
  })
})

describe('a login', () => {
  it.each(['token', 'approle', 'kubernetes'] as const)(
    'works with %s, once for many',
    async (auth) => {
      vault.putV2('stripe', { key: 'one' })
      const store = open(auth)
      await Promise.all(Array.from({ length: 20 }, () => store.read('secret/data/stripe')))
      expect(logins()).toBe(auth === 'token' ? 0 : 1)
      expect(reads('secret/data/stripe')).toBe(1)
    },
  )

  it('is made again when the token was dropped, with what proves it now', async () => {
    vault.putV2('stripe', { key: 'one' })
    const store = open('approle')
    await store.read('secret/data/stripe')
    vault.dropTokens()
    vault.secretId = 'secret-id-2'
    expect(valuesOf(await store.read('secret/data/stripe'))).toEqual({ key: 'one' })
    expect(logins()).toBe(2)
  })

  it('reads the service account anew each time', async () => {
    vault.putV2('stripe', { key: 'one' })
    const store = open('kubernetes')
    await store.read('secret/data/stripe')
    vault.jwt = 'jwt-2'
    directory.write('jwt', 'jwt-2')
    vault.dropTokens()
    expect(valuesOf(await store.read('secret/data/stripe'))).toEqual({ key: 'one' })
  })

  it('takes up a token that was replaced where it is kept', async () => {
    vault.putV2('stripe', { key: 'one' })
    let token = 'hvs.wrong'
    const auth: VaultAuth = { method: 'token', readToken: held(() => token) }
    const store = open('token', { auth })
    expect(await failureOf(store.read('secret/data/stripe'))).toMatchObject({
      code: 'secret_store_unavailable',
    })
    token = vault.rootToken
    expect(valuesOf(await store.read('secret/data/stripe'))).toEqual({ key: 'one' })
  })

  it('CE-12 that is refused says where, and shows nothing of what proves it', async () => {
    const store = open('approle')
    vault.secretId = 'another'
    const auth = { ...auths.approle(), readSecretId: held(() => CANARY) } as VaultAuth
    const failure = await failureOf(open('approle', { auth }).read('secret/data/stripe'))
    expect(String(failure)).toContain('the login at auth/approle/login was refused (400)')
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(CANARY)
    await store.close()
  })

  it('is renewed ahead of its end, and revoked at the end', async () => {
    await vault.close()
    vault = await startFakeVault({ tokenSeconds: 1 })
    vault.putV2('stripe', { key: 'one' })
    const store = open('approle')
    await store.read('secret/data/stripe')
    await vi.waitFor(
      () => {
        const renewals = vault.requests.filter((line) => line.endsWith('renew-self'))
        expect(renewals.length).toBeGreaterThan(2)
      },
      { timeout: 5000 },
    )
    await store.read('secret/data/stripe')
    expect(logins()).toBe(1)
    await store.close()
    expect(vault.liveTokens()).toBe(0)
  })
})

describe('a secret that was made for a time', () => {
  const CREDS = 'database/creds/orders'

  it('says when it ends, is renewed, and keeps its value', async () => {
    const store = open()
    const first = await store.read(CREDS)
    const second = await store.read(CREDS)
    expect(first?.expiresAt).toBeGreaterThan(Date.now() + 3_500_000)
    expect(valuesOf(second)).toEqual(valuesOf(first))
    expect(second?.version).toBe(first?.version)
    expect(reads(CREDS)).toBe(1)
  })

  it('is replaced near its greatest age, and the former one revoked after the overlap', async () => {
    await vault.close()
    vault = await startFakeVault({ leaseSeconds: 60, maxLeaseSeconds: 20 })
    const store = open('approle', { overlapMs: 50 })
    const first = await store.read(CREDS)
    const [id] = vault.leases.keys()
    const second = await store.read(CREDS)
    expect(valuesOf(second)).not.toEqual(valuesOf(first))
    expect(second?.version).not.toBe(first?.version)
    expect(vault.revoked).toEqual([])
    await vi.waitFor(() => {
      expect(vault.revoked).toEqual([id])
    })
  })

  it('is made anew when the upstream refuses it, but not for each refusal', async () => {
    let now = Date.now()
    const store = open('approle', { now: () => now })
    const first = await store.read(CREDS)
    store.doubt(CREDS)
    expect(valuesOf(await store.read(CREDS))).toEqual(valuesOf(first))
    now += 60_000
    store.doubt(CREDS)
    expect(valuesOf(await store.read(CREDS))).not.toEqual(valuesOf(first))
  })

  it.each(['approle', 'token'] as const)('is revoked at the end with %s', async (auth) => {
    const store = open(auth)
    await store.read(CREDS)
    const ids = [...vault.leases.keys()]
    await store.close()
    expect(vault.revoked).toEqual(ids)
  })
})

describe('a Vault with trouble', () => {
  it.each([
    [429, '7', 7],
    [503, '100000', 300],
    [429, new Date(NOW + 90_000).toUTCString(), 90],
    [429, new Date(NOW - 90_000).toUTCString(), undefined],
    [500, undefined, undefined],
    [307, undefined, undefined],
  ])(
    'that answers %i is unavailable, with the rest that it asks for',
    async (status, retry, seconds) => {
      vault.fault = () => ({
        status,
        headers: {
          ...(retry !== undefined && { 'retry-after': retry }),
          location: 'http://evil.example/',
        },
        body: { errors: [CANARY] },
      })
      const failure = await failureOf(
        open('approle', { now: () => NOW }).read('secret/data/stripe'),
      )
      expect(failure).toMatchObject({
        code: 'secret_store_unavailable',
        retryAfterSeconds: seconds,
      })
      expect(inspect(failure, { depth: 9 })).not.toContain(CANARY)
    },
  )
})
