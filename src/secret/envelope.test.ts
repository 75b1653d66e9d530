import { createHash, sign, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodePayload, encodePayload, type SealedPayload } from './envelope-text.ts'
import { seal, unseal, verifyEnvelope, type Sealers, type Unsealing } from './envelope.ts'
import {
  generateSealerKey,
  generateVaultIdentity,
  parseSealerKey,
  parseSealerPublicKey,
  parseVaultIdentity,
  type VaultIdentity,
} from './keys.ts'
import { Secret } from './secret.ts'

const CANARY = 'sk_live_canary3f9d2c'

let vault: VaultIdentity
let alice: KeyObject
let mallory: KeyObject
let sealers: Sealers

beforeAll(async () => {
  vault = await parseVaultIdentity((await generateVaultIdentity()).text)
  const key = generateSealerKey()
  alice = parseSealerKey(key.pem)
  mallory = parseSealerKey(generateSealerKey().pem)
  const parsed = parseSealerPublicKey(key.publicKey)
  if (parsed.ok) sealers = new Map([['alice', parsed.value]])
})

function aPayload(overrides: Partial<SealedPayload> = {}): SealedPayload {
  return {
    env: 'production',
    name: 'stripe',
    version: 3,
    fields: new Map([['secret', new Secret(CANARY)]]),
    origins: ['https://api.stripe.com'],
    sealedAt: 1_790_000_000_000,
    ...overrides,
  }
}

const sealed = (payload = aPayload(), privateKey = alice, name = 'alice') =>
  seal({ payload, recipient: vault.recipient, sealer: { name, privateKey } })

function expecting(overrides: Partial<Unsealing> = {}): Unsealing {
  return {
    identity: vault.identity,
    sealers,
    env: 'production',
    name: 'stripe',
    minimumVersion: 0,
    ...overrides,
  }
}

const changed = (envelope: string, change: object) =>
  JSON.stringify({ ...(JSON.parse(envelope) as object), ...change })

/** The envelope with one bit of its ciphertext flipped, signed again if a key is given. */
function withDamage(envelope: string, resign?: KeyObject): string {
  const { ciphertext } = JSON.parse(envelope) as { ciphertext: string }
  const bytes = Buffer.from(ciphertext, 'base64')
  bytes[bytes.length - 1]! ^= 1
  const prefix = Buffer.from('apistronghold envelope v1\0\0\0\0\x05alice')
  const signature = resign && sign(null, Buffer.concat([prefix, bytes]), resign)
  return changed(envelope, {
    ciphertext: bytes.toString('base64'),
    ...(signature && { signature: signature.toString('base64') }),
  })
}

describe('a sealed envelope', () => {
  it('opens to what was sealed', async () => {
    const payload = aPayload({
      fields: new Map([
        ['a', new Secret('1')],
        ['b', new Secret('ü\n')],
      ]),
    })
    const opened = await unseal(await sealed(payload), expecting())
    expect(opened.ok && opened.value).toEqual(payload)
    expect(opened.ok && opened.value.fields.get('b')?.reveal()).toBe('ü\n')
  })

  it('is one line and shows nothing of the value in any form', async () => {
    const envelope = await sealed()
    expect(envelope).not.toContain('\n')
    const ciphertext = Buffer.from(
      (JSON.parse(envelope) as { ciphertext: string }).ciphertext,
      'base64',
    )
    for (const hay of [envelope, ciphertext.toString('latin1')]) expect(hay).not.toContain('canary')
    expect(ciphertext.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> X25519 /)
  })

  it('is different each time, even for the same value', async () => {
    expect(await sealed()).not.toBe(await sealed())
  })

  it.each<[string, () => Promise<string>, Partial<Unsealing>, object]>([
    [
      'by someone who is not listed',
      () => sealed(aPayload(), mallory, 'mallory'),
      {},
      { reason: 'sealer_unknown', sealer: 'mallory' },
    ],
    [
      'under a name that is not the signer',
      () => sealed(aPayload(), mallory, 'alice'),
      {},
      { reason: 'signature_invalid', sealer: 'alice' },
    ],
    [
      'for another environment',
      () => sealed(aPayload({ env: 'staging' })),
      {},
      { reason: 'environment_mismatch' },
    ],
    [
      'for another name',
      () => sealed(aPayload({ name: 'openai' })),
      {},
      { reason: 'name_mismatch' },
    ],
    [
      'with an old version',
      () => sealed(),
      { minimumVersion: 4 },
      { reason: 'version_rolled_back', version: 3, minimum: 4 },
    ],
    ['and damaged', async () => withDamage(await sealed()), {}, { reason: 'signature_invalid' }],
    [
      'and damaged by a listed signer',
      async () => withDamage(await sealed(), alice),
      {},
      { reason: 'not_decryptable' },
    ],
    [
      'with a signature of the wrong size',
      async () => changed(await sealed(), { signature: 'AAAA' }),
      {},
      { reason: 'signature_invalid' },
    ],
    [
      'with a further member',
      async () => changed(await sealed(), { extra: 1 }),
      {},
      { reason: 'envelope_malformed' },
    ],
    [
      'with another format version',
      async () => changed(await sealed(), { v: 2 }),
      {},
      { reason: 'envelope_malformed' },
    ],
    [
      'as text that is no JSON',
      () => Promise.resolve('hello'),
      {},
      { reason: 'envelope_malformed' },
    ],
    [
      'as a huge text',
      () => Promise.resolve(' '.repeat(300_000)),
      {},
      { reason: 'envelope_malformed' },
    ],
  ])('is refused when sealed %s', async (...[, make, expected, error]) => {
    expect(await unseal(await make(), expecting(expected))).toMatchObject({ ok: false, error })
  })

  it('is accepted again at the very version that was opened before', async () => {
    expect(await unseal(await sealed(), expecting({ minimumVersion: 3 }))).toMatchObject({
      ok: true,
    })
  })

  it('cannot be opened by another vault', async () => {
    const { identity } = await parseVaultIdentity((await generateVaultIdentity()).text)
    expect(await unseal(await sealed(), expecting({ identity }))).toMatchObject({
      error: { reason: 'not_decryptable' },
    })
  })

  it('is verified before it is decrypted: a bad signature hides a bad ciphertext', async () => {
    const envelope = changed(withDamage(await sealed()), {})
    expect(verifyEnvelope(envelope, sealers)).toMatchObject({
      error: { reason: 'signature_invalid' },
    })
  })

  it.each<[string, Partial<SealedPayload>, string]>([
    ['no field', { fields: new Map() }, 'fields'],
    ['an empty field', { fields: new Map([['secret', new Secret('')]]) }, 'fields'],
    ['no origin', { origins: [] }, 'origins'],
    ['an origin with a path', { origins: ['https://api.stripe.com/v1'] }, 'origins'],
    ['an origin in clear', { origins: ['http://api.stripe.com'] }, 'origins'],
    ['an origin in upper case', { origins: ['https://API.stripe.com'] }, 'origins'],
    ['an origin with its default port', { origins: ['https://api.stripe.com:443'] }, 'origins'],
    ['version 0', { version: 0 }, 'version'],
    ['a fraction as version', { version: 1.5 }, 'version'],
    ['an unusable name', { name: '../stripe' }, 'name'],
  ])('is not made with %s', async (_case, overrides, place) => {
    const failure: unknown = await sealed(aPayload(overrides)).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'secret_invalid',
      message: `cannot be sealed: check ${place}`,
    })
  })

  it('never throws on noise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        return !(await unseal(text, expecting())).ok
      }),
    )
  })
})

describe('a payload', () => {
  const texts = fc.string({ minLength: 1, unit: 'grapheme' })
  const names = fc.stringMatching(/^[a-z][a-z0-9_]{0,31}$/)

  it('round-trips', () => {
    fc.assert(
      fc.property(fc.dictionary(names, texts, { minKeys: 1 }), fc.nat(), (fields, n) => {
        const secrets = Object.entries(fields).map(([k, v]) => [k, new Secret(v)] as const)
        const payload = aPayload({ fields: new Map(secrets), version: n + 1 })
        const decoded = decodePayload(Buffer.from(encodePayload(payload)))
        expect(decoded).toEqual(payload)
        for (const [k, v] of Object.entries(fields))
          expect(decoded?.fields.get(k)?.reveal()).toBe(v)
      }),
    )
  })

  it('AD-03 is undefined for anything else, with prototypes left alone', () => {
    for (const bad of [
      '',
      'null',
      '[]',
      '{}',
      '{"__proto__":{"v":1}}',
      encodePayload(aPayload()).replace('"v":1', '"v":2'),
    ])
      expect(decodePayload(Buffer.from(bad))).toBeUndefined()
    const digest = createHash('sha256').update('noise').digest()
    expect(decodePayload(digest)).toBeUndefined()
  })
})
