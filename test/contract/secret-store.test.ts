import { secretStoreContract } from './secret-store.ts'
import { openEnv, openFile, openHashicorp, openMemory, openVault } from './secret-store-openers.ts'

secretStoreContract('the vault', openVault)
secretStoreContract('the environment', openEnv)
secretStoreContract('a directory of files', openFile)
secretStoreContract('HashiCorp Vault', openHashicorp)
secretStoreContract('memory', openMemory)
