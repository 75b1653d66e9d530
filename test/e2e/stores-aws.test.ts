/** Credentials that stay in AWS Secrets Manager, on a running server with two workers. */

import { describe } from 'vitest'
import { remoteStoreSuite } from '../support/remote-store-suite.ts'
import { openSecretsManager } from '../support/remote-stores.ts'

describe('a credential in AWS Secrets Manager', () => {
  remoteStoreSuite(openSecretsManager)
})
