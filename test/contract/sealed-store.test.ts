import { describe, expect, it } from 'vitest'
import type { SealedSecret } from '../../src/secret/sealed-store.ts'
import { NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const aSealed = (version: number, name = 'stripe'): SealedSecret => ({
  name,
  version,
  envelope: `envelope ${version}`,
  sealedBy: 'alice',
  storedAt: NOW + version,
})

describe.each(STORE_KINDS)('a sealed store %s', (_kind, open) => {
  it('finds what was put, and replaces it by a higher version', async () => {
    const { sealed } = open()
    expect(await sealed.find('stripe')).toBeUndefined()
    expect(await sealed.put(aSealed(1), 0)).toBe(true)
    expect(await sealed.put(aSealed(2), 1)).toBe(true)
    expect(await sealed.find('stripe')).toEqual(aSealed(2))
  })

  it.each([
    ['a first version where there is one', 2, 0],
    ['over a version that is not there', 3, 2],
    ['the same version again', 1, 1],
    ['an older version', 0, 1],
  ])('refuses %s', async (_case, version, expected) => {
    const { sealed } = open()
    await sealed.put(aSealed(1), 0)
    expect(await sealed.put(aSealed(version), expected)).toBe(false)
    expect(await sealed.find('stripe')).toEqual(aSealed(1))
  })

  it('lets one of two writers win', async () => {
    const { sealed } = open()
    await sealed.put(aSealed(1), 0)
    const [one, two] = await Promise.all([sealed.put(aSealed(2), 1), sealed.put(aSealed(2), 1)])
    expect([one, two].filter(Boolean)).toHaveLength(1)
  })

  it('lists by name and deletes', async () => {
    const { sealed } = open()
    await sealed.put(aSealed(1, 'stripe'), 0)
    await sealed.put(aSealed(1, 'github'), 0)
    expect((await sealed.list()).map(({ name }) => name)).toEqual(['github', 'stripe'])
    expect(await sealed.delete('stripe')).toBe(true)
    expect(await sealed.delete('stripe')).toBe(false)
    expect(await sealed.put(aSealed(5), 0)).toBe(true)
  })

  it('remembers the highest version of a deleted secret, and takes only higher ones', async () => {
    const { sealed } = open()
    expect(await sealed.highestVersion('stripe')).toBe(0)
    await sealed.put(aSealed(1), 0)
    await sealed.put(aSealed(2), 1)
    await sealed.delete('stripe')
    expect(await sealed.highestVersion('stripe')).toBe(2)
    expect(await sealed.put(aSealed(2), 0)).toBe(false)
    expect(await sealed.put(aSealed(3), 0)).toBe(true)
  })
})
