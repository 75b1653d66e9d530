/** AWS Secrets Manager against the local server that the tests of outages use: it must be as strict. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDial } from '../../src/network/dial.ts'
import { createAwsStore } from '../../src/secret-stores/aws-secrets-manager.ts'
import { AWS_PAIR, startFakeSecretsManager } from '../support/fake-secrets-manager.ts'
import { createAuthority } from '../support/pki.ts'
import { secretStoreContract } from './secret-store.ts'
import type { OpenStore } from './secret-store-openers.ts'

const authority = createAuthority()
const REGION = 'eu-central-1'

beforeEach(() => {
  for (const [name, value] of Object.entries(AWS_PAIR)) vi.stubEnv(name, value)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

const openLocal =
  (region = REGION): OpenStore =>
  async (seed) => {
    const server = await startFakeSecretsManager({ authority, region: REGION })
    for (const [name, value] of Object.entries(seed)) server.put(name, value)
    const endpoint = new URL(server.url)
    const ca = authority.certificate
    const parts = { region, endpoint, ca, allowPrivateAddress: true, dial: createDial() }
    const store = createAwsStore(parts)
    return {
      store,
      refOf: (name) => name,
      replace: async (name, value) => void server.put(name, value),
      spoil: async (name) => void server.put(name, '{}'),
      unplug: () => {
        server.fault = () => ({ status: 503, type: 'ServiceUnavailable' })
      },
      async close() {
        await store.close()
        await server.close()
      },
    }
  }

secretStoreContract('AWS Secrets Manager, a local one,', openLocal())

describe('the local Secrets Manager', () => {
  it('has the version that a stage names', async () => {
    const { store, replace, close } = await openLocal()({ stripe: 'one' })
    await replace('stripe', 'two')
    const previous = await store.read('stripe?stage=AWSPREVIOUS')
    expect(previous?.fields.get('secret')?.reveal()).toBe('one')
    expect(await store.read('stripe?stage=OTHER')).toBeUndefined()
    await close()
  })

  it.each([
    ['another key', REGION, { AWS_ACCESS_KEY_ID: 'AKIDOFSOMEBODYELSE' }],
    ['a wrong secret', REGION, { AWS_SECRET_ACCESS_KEY: 'wrong' }],
    ['another region', 'us-east-1', {}],
  ])('refuses a signature with %s', async (_what, region, variables) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    const { store, close } = await openLocal(region)({ stripe: 'one' })
    await expect(store.read('stripe')).rejects.toThrow(/credentials are not accepted/)
    await close()
  })
})
