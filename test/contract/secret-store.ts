import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { OpenedStore, OpenStore } from './secret-store-openers.ts'

const CANARY = 'canary3f9d2c'

/** What every secret store must do; each backend's test calls this once. */
export function secretStoreContract(name: string, open: OpenStore): void {
  let opened: OpenedStore | undefined

  const openWith = async (seed: Record<string, string>): Promise<OpenedStore> =>
    (opened = await open(seed))

  afterEach(async () => {
    await opened?.close()
  })

  describe(`${name} as a secret store`, () => {
    it('returns what was stored', async () => {
      const { store, refOf } = await openWith({ stripe: 'value one', openai: 'value two' })
      const stored = await store.read(refOf('stripe'))
      expect(stored?.fields.get('secret')?.reveal()).toBe('value one')
      expect([...(stored?.fields.keys() ?? [])]).toEqual(['secret'])
    })

    it('returns undefined for a secret that is not there', async () => {
      const { store, refOf } = await openWith({ stripe: 'value' })
      expect(await store.read(refOf('nothing'))).toBeUndefined()
    })

    it('returns undefined for a name that every object has', async () => {
      const { store, refOf } = await openWith({ stripe: 'value' })
      expect(await store.read(refOf('constructor'))).toBeUndefined()
    })

    it('keeps the version while the value stays, and shows nothing of the value in it', async () => {
      const { store, refOf } = await openWith({ stripe: CANARY })
      const [first, second] = [await store.read(refOf('stripe')), await store.read(refOf('stripe'))]
      expect(first?.version).toBe(second?.version)
      expect(first?.version).toMatch(/^[0-9a-z]{1,32}$/)
      expect(first?.version).not.toContain(CANARY)
    })

    it('changes the version with the value', async () => {
      const { store, refOf, replace } = await openWith({ stripe: 'old' })
      const before = await store.read(refOf('stripe'))
      await replace('stripe', 'new')
      const after = await store.read(refOf('stripe'))
      expect(after?.fields.get('secret')?.reveal()).toBe('new')
      expect(after?.version).not.toBe(before?.version)
    })

    it('reads the same value for many at once', async () => {
      const { store, refOf } = await openWith({ stripe: 'value' })
      const all = await Promise.all(Array.from({ length: 20 }, () => store.read(refOf('stripe'))))
      expect(new Set(all.map((stored) => stored?.fields.get('secret')?.reveal()))).toEqual(
        new Set(['value']),
      )
    })

    it('CE-12 throws secret_invalid for what cannot be used, without showing it', async () => {
      const { store, refOf, spoil } = await openWith({ stripe: CANARY })
      await spoil('stripe')
      const failure: unknown = await store.read(refOf('stripe')).catch((error: unknown) => error)
      expect(failure).toMatchObject({ name: 'Failure', code: 'secret_invalid' })
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(CANARY)
    })

    it('CE-12 throws secret_store_unavailable when it cannot be asked, if that can be', async () => {
      const { store, refOf, unplug } = await openWith({ stripe: CANARY })
      if (unplug === undefined) return
      await unplug()
      const failure: unknown = await store.read(refOf('stripe')).catch((error: unknown) => error)
      expect(failure).toMatchObject({ name: 'Failure', code: 'secret_store_unavailable' })
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(CANARY)
    })
  })
}
