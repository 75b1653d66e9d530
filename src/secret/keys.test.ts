import { createPrivateKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  generateSealerKey,
  generateVaultIdentity,
  isRecipient,
  parseSealerKey,
  parseSealerPublicKey,
  parseVaultIdentity,
  sealerPublicKey,
} from './keys.ts'

describe('a vault identity', () => {
  it('is written as age-keygen does and read back', async () => {
    const { text, recipient } = await generateVaultIdentity()
    const parsed = await parseVaultIdentity(text)
    expect(parsed.recipient).toBe(recipient)
    expect(parsed.identity.reveal()).toMatch(/^AGE-SECRET-KEY-1/)
    expect(isRecipient(recipient)).toBe(true)
  })

  it('is read without its comment and with Windows line ends', async () => {
    const { text, recipient } = await generateVaultIdentity()
    const bare = text.split('\n')[1] ?? ''
    expect((await parseVaultIdentity(`${bare}\r\n`)).recipient).toBe(recipient)
  })

  it('is refused when it is none, two, or has a typing error, and never quoted', async () => {
    const { text } = await generateVaultIdentity()
    const identity = text.split('\n')[1] ?? ''
    const typo = identity.slice(0, -1) + (identity.endsWith('Q') ? 'P' : 'Q')
    for (const bad of ['', '# only a comment\n', 'hello', text + text, typo]) {
      const failure: unknown = await parseVaultIdentity(bad).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'key_invalid' })
      expect(JSON.stringify(failure)).not.toContain(identity)
    }
  })
})

it.each(['', 'age1', 'age1' + 'q'.repeat(58), 'AGE1ABC', 'ssh-ed25519 AAAA'])(
  '%j is no recipient',
  (text) => {
    expect(isRecipient(text)).toBe(false)
  },
)

describe('a sealing key', () => {
  it('signs what its public form in the configuration verifies', () => {
    const { pem, publicKey } = generateSealerKey()
    const privateKey = parseSealerKey(pem)
    expect(sealerPublicKey(privateKey)).toBe(publicKey)
    const parsed = parseSealerPublicKey(publicKey)
    const signature = sign(null, Buffer.from('text'), privateKey)
    expect(parsed.ok && verify(null, Buffer.from('text'), parsed.value, signature)).toBe(true)
    expect(parsed.ok && sealerPublicKey(parsed.value)).toBe(publicKey)
  })

  it('is refused when it is another kind of key', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    expect(createPrivateKey(pem).asymmetricKeyType).toBe('ec')
    for (const bad of [pem, '', 'hello']) {
      expect(() => parseSealerKey(bad)).toThrow(expect.objectContaining({ code: 'key_invalid' }))
    }
  })

  it('has one spelling: other last characters of the same bytes are refused', () => {
    const { publicKey } = generateSealerKey()
    const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = ALPHABET.split('').filter((last) => {
      const spelled = parseSealerPublicKey(publicKey.slice(0, -1) + last)
      return spelled.ok && sealerPublicKey(spelled.value) === publicKey
    })
    expect(accepted).toEqual([publicKey.at(-1)])
  })

  it('in public form is parsed without ever throwing', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.base64String().map((text) => `ed25519:${text}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseSealerPublicKey(text)
        return !parsed.ok || sealerPublicKey(parsed.value) === text
      }),
    )
  })
})
