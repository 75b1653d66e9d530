import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { CredentialSource } from '../../src/secret/credential-source.ts'
import { ORIGIN } from './secret-store-openers.ts'

export interface OpenedSource {
  readonly source: CredentialSource
  /** Changes the stored value without telling the source. */
  readonly replace: (name: string, value: string) => Promise<void>
  /** What is held for this name can no longer be used. */
  readonly spoil: (name: string) => Promise<void>
  readonly close: () => void | Promise<void>
}

/** Opens a source that has a credential for each name, to be sent to `ORIGIN`. */
export type OpenSource = (seed: Readonly<Record<string, string>>) => Promise<OpenedSource>

const CANARY = 'canary3f9d2c'

/** What every credential source must do; each implementation's test calls this once. */
export function credentialSourceContract(name: string, open: OpenSource): void {
  let opened: OpenedSource | undefined

  const openWith = async (seed: Record<string, string>): Promise<OpenedSource> =>
    (opened = await open(seed))

  const valueOf = async (source: CredentialSource) => {
    const found = await source.get('stripe', ORIGIN)
    return found.ok ? found.value.fields.get('secret')?.reveal() : found.error.reason
  }

  afterEach(() => {
    void opened?.close()
  })

  describe(`${name} as a credential source`, () => {
    it('gives the credential with its name and version', async () => {
      const { source } = await openWith({ stripe: CANARY })
      expect(await source.get('stripe', ORIGIN)).toMatchObject({
        ok: true,
        value: { name: 'stripe', version: expect.stringMatching(/^[0-9a-z]{1,32}$/) as string },
      })
      expect(await valueOf(source)).toBe(CANARY)
    })

    it('says that nothing is configured for a name it does not know', async () => {
      const { source } = await openWith({})
      for (const unknown of ['stripe', 'constructor', '__proto__'])
        expect(await source.get(unknown, ORIGIN)).toEqual({
          ok: false,
          error: { reason: 'credential_not_configured' },
        })
    })

    it('CE-07 gives it to no other origin', async () => {
      const { source } = await openWith({ stripe: CANARY })
      await source.get('stripe', ORIGIN)
      for (const origin of ['https://evil.example', 'http://api.stripe.com', `${ORIGIN}:8443`, ''])
        expect(await source.get('stripe', origin)).toEqual({
          ok: false,
          error: { reason: 'origin_not_sealed' },
        })
    })

    it('gives the new value once it was told to forget', async () => {
      const { source, replace } = await openWith({ stripe: 'old' })
      expect(await valueOf(source)).toBe('old')
      await replace('stripe', 'new')
      source.forget('stripe')
      expect(await valueOf(source)).toBe('new')
    })

    it('may be told to reconsider or forget what it does not know', async () => {
      const { source } = await openWith({ stripe: 'value' })
      source.reconsider('nothing')
      source.forget('nothing')
      expect(await valueOf(source)).toBe('value')
    })

    it('CE-11 refuses what cannot be used, without showing it', async () => {
      const { source, spoil } = await openWith({ stripe: CANARY })
      await spoil('stripe')
      const refused = await source.get('stripe', ORIGIN)
      expect(refused).toEqual({ ok: false, error: { reason: 'secret_unavailable' } })
    })

    it('CE-11 does not show the credential when it is printed', async () => {
      const { source } = await openWith({ stripe: CANARY })
      const found = await source.get('stripe', ORIGIN)
      expect(inspect(found, { depth: 9, showHidden: true })).not.toContain(CANARY)
      expect(JSON.stringify(found)).not.toContain(CANARY)
    })

    it('answers a look exactly as it answers a question, once it knows', async () => {
      const { source } = await openWith({ stripe: 'value' })
      if (source.peek === undefined) return
      expect(source.peek('stripe', ORIGIN)).toBeUndefined()
      const found = await source.get('stripe', ORIGIN)
      expect(source.peek('stripe', ORIGIN)).toBe(found)
      expect(source.peek('stripe', 'https://evil.example')).toMatchObject({ ok: false })
    })
  })
}
