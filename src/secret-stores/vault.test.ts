import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createVaultKeys,
  MemorySealedStore,
  ORIGIN,
  type VaultKeys,
} from '../../test/contract/secret-store-openers.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import type { Sealers } from '../secret/envelope.ts'
import { createVaultStore } from './vault.ts'
import { openVersionFloor, type VersionFloor } from './version-floor.ts'

let directory: TemporaryDirectory
let keys: VaultKeys
let sealed: MemorySealedStore
let versions: VersionFloor
let sealers: Sealers

beforeEach(async () => {
  directory = createTemporaryDirectory()
  keys = await createVaultKeys()
  sealed = new MemorySealedStore()
  sealers = keys.sealers
  versions = await openVersionFloor({ path: join(directory.path, 'versions.json') })
})
afterEach(() => {
  directory.remove()
})

const openVault = () =>
  createVaultStore({
    sealed,
    identity: keys.vault.identity,
    sealers: () => sealers,
    environment: 'production',
    versions,
  })

const store = async (overrides: Parameters<VaultKeys['sealRow']>[0]) => {
  const row = await keys.sealRow(overrides)
  sealed.rows.set(row.name, row)
}

describe('the vault', () => {
  it('gives the origins and the version that were sealed', async () => {
    await store({ version: 4 })
    expect(await openVault().read('stripe')).toMatchObject({ version: 'v4', origins: [ORIGIN] })
  })

  it('records the version before it gives the value', async () => {
    await store({ version: 4 })
    const raised: number[] = []
    versions = { highest: () => 3, raise: async (_name, version) => void raised.push(version) }
    await openVault().read('stripe')
    expect(raised).toEqual([4])
  })

  it('gives nothing when the version cannot be recorded', async () => {
    await store({ version: 4 })
    versions = { highest: () => 3, raise: () => Promise.reject(new Error('disk full')) }
    await expect(openVault().read('stripe')).rejects.toMatchObject({
      code: 'secret_store_unavailable',
    })
  })

  it('refuses an old envelope that was put back, also after a restart', async () => {
    await store({ version: 1 })
    const old = sealed.rows.get('stripe')
    await openVault().read('stripe')
    await store({ version: 2 })
    await openVault().read('stripe')
    if (old) sealed.rows.set('stripe', old)
    versions = await openVersionFloor({ path: join(directory.path, 'versions.json') })
    await expect(openVault().read('stripe')).rejects.toThrow(
      'stripe: version 1 was put back; 2 was opened before',
    )
  })

  it.each<[string, Parameters<VaultKeys['sealRow']>[0], string]>([
    ['moved to another name', { name: 'openai' }, 'sealed under another name'],
    ['of another environment', { env: 'staging' }, 'sealed for another environment'],
  ])('refuses an envelope %s', async (_case, overrides, problem) => {
    const row = await keys.sealRow(overrides)
    sealed.rows.set('stripe', { ...row, name: 'stripe' })
    await expect(openVault().read('stripe')).rejects.toThrow(problem)
  })

  it('refuses a row whose version is not its envelope’s', async () => {
    const row = await keys.sealRow({ version: 1 })
    sealed.rows.set('stripe', { ...row, version: 2 })
    await expect(openVault().read('stripe')).rejects.toMatchObject({ code: 'secret_invalid' })
  })

  it('refuses an envelope as soon as its sealer is no longer listed', async () => {
    await store({})
    const vault = openVault()
    expect(await vault.read('stripe')).toBeDefined()
    sealers = new Map()
    await expect(vault.read('stripe')).rejects.toThrow('whom vault.sealers does not list')
  })

  it('refuses an envelope that was sealed to another vault', async () => {
    const other = await createVaultKeys()
    sealers = other.sealers
    sealed.rows.set('stripe', await other.sealRow())
    await expect(openVault().read('stripe')).rejects.toThrow('sealed to another vault, or damaged')
  })
})
