/** Credentials that stay in HashiCorp Vault, on a running server with two workers. */

import { describe } from 'vitest'
import { remoteStoreSuite } from '../support/remote-store-suite.ts'
import { openHashicorp } from '../support/remote-stores.ts'

describe('a credential in HashiCorp Vault', () => {
  remoteStoreSuite(openHashicorp)
})
