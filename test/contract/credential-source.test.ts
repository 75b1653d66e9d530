import { silentLog } from '../../src/base/log.ts'
import { err, ok } from '../../src/base/result.ts'
import { createCredentialSource } from '../../src/secret-stores/sources.ts'
import type { SourceReference } from '../../src/secret/reference.ts'
import { Secret } from '../../src/secret/secret.ts'
import { credentialSourceContract, type OpenSource } from './credential-source.ts'
import {
  openEnv,
  openFile,
  openMemory,
  openVault,
  ORIGIN,
  VERSION_OF,
  type OpenStore,
} from './secret-store-openers.ts'

type Source = SourceReference['source']

function referenceTo(source: Source, place: string): SourceReference {
  switch (source) {
    case 'vault':
      return { source, name: place }
    case 'env':
      return { source, variable: place }
    case 'file':
      return { source, path: place }
    case 'hashicorp':
    case 'aws-sm':
      return { source, place }
  }
}

const over =
  (kind: Source, openStore: OpenStore): OpenSource =>
  async (seed) => {
    const { store, refOf, replace, spoil, close } = await openStore(seed)
    const unused = (await openMemory({})).store
    const references = new Map(
      Object.keys(seed).map((name) => [name, referenceTo(kind, refOf(name))]),
    )
    const source = createCredentialSource({
      references: () => references,
      stores: {
        ...{ vault: unused, env: unused, file: unused, hashicorp: unused, 'aws-sm': unused },
        [kind]: store,
      },
      shapeOf: () => undefined,
      originsOf: () => new Set([ORIGIN]),
      now: () => 1_800_000_000_000,
      log: silentLog,
    })
    return { source, replace, spoil, close }
  }

/** The smallest source that keeps the contract: no cache, no store. */
const openPlain: OpenSource = async (seed) => {
  const held = new Map(Object.entries(seed))
  const spoiled = new Set<string>()
  return {
    source: {
      async get(name, origin) {
        const value = held.get(name)
        if (value === undefined) return err({ reason: 'credential_not_configured' })
        if (spoiled.has(name)) return err({ reason: 'secret_unavailable' })
        if (origin !== ORIGIN) return err({ reason: 'origin_not_sealed' })
        const secret = new Secret(value)
        return ok({ name, version: VERSION_OF(secret), fields: new Map([['secret', secret]]) })
      },
      reconsider: () => undefined,
      forget: () => undefined,
    },
    async replace(name, value) {
      held.set(name, value)
    },
    async spoil(name) {
      spoiled.add(name)
    },
    close: () => undefined,
  }
}

credentialSourceContract('the vault', over('vault', openVault))
credentialSourceContract('the environment', over('env', openEnv))
credentialSourceContract('a directory of files', over('file', openFile))
credentialSourceContract('memory', openPlain)
