import { describe } from 'vitest'
import { isVaultMissing } from '../support/vault-server.ts'
import { secretStoreContract } from './secret-store.ts'
import {
  openEnv,
  openFile,
  openHashicorp,
  openMemory,
  openRealVault,
  openVault,
} from './secret-store-openers.ts'

secretStoreContract('the vault', openVault)
secretStoreContract('the environment', openEnv)
secretStoreContract('a directory of files', openFile)
secretStoreContract('HashiCorp Vault', openHashicorp)
secretStoreContract('memory', openMemory)

describe.skipIf(isVaultMissing())('with a server of its own', { timeout: 30_000 }, () => {
  secretStoreContract('OpenBao or HashiCorp Vault itself', openRealVault)
})
