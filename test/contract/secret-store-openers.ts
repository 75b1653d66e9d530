/** Each secret store over something real, with ways to change, spoil and unplug what it holds. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../src/base/errors.ts'
import { createEnvStore } from '../../src/secret-stores/env.ts'
import { createHashicorpStore } from '../../src/secret-stores/hashicorp/store.ts'
import { createFileStore } from '../../src/secret-stores/file.ts'
import { createValueVersion } from '../../src/secret-stores/value-version.ts'
import { createVaultStore } from '../../src/secret-stores/vault.ts'
import { openVersionFloor } from '../../src/secret-stores/version-floor.ts'
import { seal, type Sealers } from '../../src/secret/envelope.ts'
import type { SealedPayload } from '../../src/secret/envelope-text.ts'
import {
  generateSealerKey,
  generateVaultIdentity,
  parseSealerKey,
  parseSealerPublicKey,
  parseVaultIdentity,
  type VaultIdentity,
} from '../../src/secret/keys.ts'
import type { SealedSecret, SealedStore } from '../../src/secret/sealed-store.ts'
import type { SecretStore } from '../../src/secret/secret-store.ts'
import { Secret } from '../../src/secret/secret.ts'
import { startFakeVault } from '../support/fake-vault.ts'
import { askLoopback } from '../support/loopback.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'
import { startVaultServer } from '../support/vault-server.ts'

export interface OpenedStore {
  readonly store: SecretStore
  /** The reference under which a seeded name is found. */
  readonly refOf: (name: string) => string
  readonly replace: (name: string, value: string) => Promise<void>
  /** What is held for this name can no longer be used. */
  readonly spoil: (name: string) => Promise<void>
  /** The store can no longer be asked; absent where that cannot happen. */
  readonly unplug?: () => void | Promise<void>
  readonly close: () => void | Promise<void>
}

export type OpenStore = (seed: Readonly<Record<string, string>>) => Promise<OpenedStore>

export const VERSION_OF = createValueVersion(createSecretKey(Buffer.alloc(32, 7)))
export const ORIGIN = 'https://api.stripe.com'

/** Rows in a map; `isDown` makes every question fail. */
export class MemorySealedStore implements SealedStore {
  readonly rows = new Map<string, SealedSecret>()
  isDown = false

  async find(name: string): Promise<SealedSecret | undefined> {
    if (this.isDown) throw new Failure('database_unavailable', 'the database is down')
    return this.rows.get(name)
  }

  async list(): Promise<readonly SealedSecret[]> {
    return [...this.rows.values()]
  }

  async put(secret: SealedSecret, expected: number): Promise<boolean> {
    if ((this.rows.get(secret.name)?.version ?? 0) !== expected) return false
    this.rows.set(secret.name, secret)
    return true
  }

  async delete(name: string): Promise<boolean> {
    return this.rows.delete(name)
  }

  async highestVersion(name: string): Promise<number> {
    return this.rows.get(name)?.version ?? 0
  }
}

/** A vault's keys and its one sealer, alice. */
export interface VaultKeys {
  readonly vault: VaultIdentity
  readonly sealers: Sealers
  readonly privateKey: KeyObject
  /** A row as `secret set` stores it. */
  readonly sealRow: (overrides?: Partial<SealedPayload>) => Promise<SealedSecret>
}

export async function createVaultKeys(): Promise<VaultKeys> {
  const vault = await parseVaultIdentity((await generateVaultIdentity()).text)
  const { pem, publicKey } = generateSealerKey()
  const privateKey = parseSealerKey(pem)
  const parsed = parseSealerPublicKey(publicKey)
  if (!parsed.ok) throw new Error(parsed.error.problem)
  return {
    vault,
    privateKey,
    sealers: new Map([['alice', parsed.value]]),
    async sealRow(overrides) {
      const payload = aPayload(overrides)
      const sealer = { name: 'alice', privateKey }
      const envelope = await seal({ payload, recipient: vault.recipient, sealer })
      const { name, version, sealedAt } = payload
      return { name, version, envelope, sealedBy: 'alice', storedAt: sealedAt }
    },
  }
}

export function aPayload(overrides: Partial<SealedPayload> = {}): SealedPayload {
  return {
    env: 'production',
    name: 'stripe',
    version: 1,
    fields: new Map([['secret', new Secret('value')]]),
    origins: [ORIGIN],
    sealedAt: 1_790_000_000_000,
    ...overrides,
  }
}

const keys = createVaultKeys()

export const openVault: OpenStore = async (seed) => {
  const { vault, sealers, sealRow } = await keys
  const directory = createTemporaryDirectory()
  const sealed = new MemorySealedStore()
  const put = async (name: string, value: string, version: number) => {
    const fields = new Map([['secret', new Secret(value)]])
    sealed.rows.set(name, await sealRow({ name, version, fields }))
  }
  for (const [name, value] of Object.entries(seed)) await put(name, value, 1)
  const store = createVaultStore({
    sealed,
    identity: vault.identity,
    sealers: () => sealers,
    environment: 'production',
    versions: await openVersionFloor({ path: join(directory.path, 'versions.json') }),
  })
  return {
    store,
    refOf: (name) => name,
    replace: (name, value) => put(name, value, (sealed.rows.get(name)?.version ?? 0) + 1),
    async spoil(name) {
      const row = sealed.rows.get(name)
      if (row)
        sealed.rows.set(name, { ...row, envelope: row.envelope.replace('"alice"', '"mallory"') })
    },
    unplug: () => {
      sealed.isDown = true
    },
    close: () => {
      directory.remove()
    },
  }
}

export const openEnv: OpenStore = async (seed) => {
  const environment: Record<string, string> = {}
  const refOf = (name: string) => (name === 'constructor' ? name : `${name.toUpperCase()}_KEY`)
  for (const [name, value] of Object.entries(seed)) environment[refOf(name)] = value
  const allowed = [...Object.keys(environment), 'NOTHING_KEY', 'constructor']
  return {
    store: createEnvStore({ environment, allowed: () => allowed, versionOf: VERSION_OF }),
    refOf,
    async replace(name, value) {
      environment[refOf(name)] = value
    },
    async spoil(name) {
      environment[refOf(name)] = ''
    },
    close: () => undefined,
  }
}

export const openFile: OpenStore = async (seed) => {
  const directory = createTemporaryDirectory()
  for (const [name, value] of Object.entries(seed)) directory.write(name, value)
  const refOf = (name: string) => join(directory.path, name)
  return {
    store: createFileStore({ directories: () => [directory.path], versionOf: VERSION_OF }),
    refOf,
    async replace(name, value) {
      directory.write(name, value)
    },
    async spoil(name) {
      writeFileSync(refOf(name), Buffer.alloc(70_000, 0x61))
    },
    close: () => {
      directory.remove()
    },
  }
}

const openAt = ({ url, rootToken }: { readonly url: string; readonly rootToken: string }) =>
  createHashicorpStore({
    ...{ address: new URL(url), namespace: undefined, ca: undefined },
    ...{ allowPrivateAddress: true, ask: askLoopback(), versionOf: VERSION_OF, now: Date.now },
    auth: { method: 'token', readToken: async () => new Secret(rootToken) },
  })

export const openHashicorp: OpenStore = async (seed) => {
  const server = await startFakeVault()
  for (const [name, secret] of Object.entries(seed)) server.putV2(name, { secret })
  const store = openAt(server)
  return {
    store,
    refOf: (name) => `secret/data/${name}`,
    async replace(name, secret) {
      server.putV2(name, { secret })
    },
    async spoil(name) {
      server.putV2(name, {})
    },
    unplug: () => {
      server.fault = () => ({ status: 503 })
    },
    async close() {
      await store.close()
      await server.close()
    },
  }
}

/** A server of OpenBao or Vault itself: only where `isVaultMissing` says that there is one. */
export const openRealVault: OpenStore = async (seed) => {
  const server = await startVaultServer()
  for (const [name, secret] of Object.entries(seed)) await server.put(name, { secret })
  const store = openAt(server)
  return {
    store,
    refOf: (name) => `secret/data/${name}`,
    replace: (name, secret) => server.put(name, { secret }),
    spoil: (name) => server.put(name, {}),
    unplug: () => server.close(),
    async close() {
      await store.close()
      await server.close()
    },
  }
}

/** The smallest store: what others may use in their tests. */
export const openMemory: OpenStore = async (seed) => {
  const held = new Map(Object.entries(seed))
  const spoiled = new Set<string>()
  let isDown = false
  return {
    store: {
      async read(ref) {
        if (isDown) throw new Failure('secret_store_unavailable', 'the store is down')
        if (spoiled.has(ref)) throw new Failure('secret_invalid', 'the secret cannot be used')
        const value = held.get(ref)
        if (value === undefined) return undefined
        const secret = new Secret(value)
        return { fields: new Map([['secret', secret]]), version: VERSION_OF(secret) }
      },
    },
    refOf: (name) => name,
    async replace(name, value) {
      held.set(name, value)
    },
    async spoil(name) {
      spoiled.add(name)
    },
    unplug: () => {
      isDown = true
    },
    close: () => undefined,
  }
}
