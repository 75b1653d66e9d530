import { describe, expect, it } from 'vitest'
import { VERSION_OF } from '../../test/contract/secret-store-openers.ts'
import { createEnvStore } from './env.ts'

const environment = { STRIPE_KEY: 'canary3f9d2c', EMPTY_KEY: '', OTHER: 'not listed' }
const store = createEnvStore({
  environment,
  allowed: () => ['STRIPE_KEY', 'EMPTY_KEY', 'UNSET_KEY'],
  versionOf: VERSION_OF,
})

describe('the environment as a store', () => {
  it('reads what is listed', async () => {
    expect((await store.read('STRIPE_KEY'))?.fields.get('secret')?.reveal()).toBe('canary3f9d2c')
    expect(await store.read('UNSET_KEY')).toBeUndefined()
  })

  it.each([
    ['OTHER', 'the variable OTHER is not in env_sources'],
    ['PATH', 'the variable PATH is not in env_sources'],
    ['__proto__', 'the variable __proto__ is not in env_sources'],
    ['EMPTY_KEY', 'the variable EMPTY_KEY is empty'],
  ])('refuses %s by name', async (variable, message) => {
    await expect(store.read(variable)).rejects.toMatchObject({ code: 'secret_invalid', message })
  })
})
