import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokenDigest } from './digest.ts'
import { deriveKeys, formatGrantMac, formatSigningKey, generateGrantMac } from './keys.ts'
import { generateSigningKey, parseGrantMac, parseSigningKey } from './keys.ts'
import { mintToken } from './token.ts'

describe('the grant key', () => {
  it('reads back as it was written', () => {
    const key = generateGrantMac()
    expect(parseGrantMac(formatGrantMac(key))).toEqual(key)
  })

  it.each([
    ['nothing', ''],
    ['31 bytes', Buffer.alloc(31).toString('base64url')],
    ['33 bytes', Buffer.alloc(33).toString('base64url')],
    ['padding', `${Buffer.alloc(32).toString('base64url')}=`],
    ['unused bits', `${'A'.repeat(42)}B`],
    ['standard base64', Buffer.alloc(32, 255).toString('base64')],
    ['hex', '00'.repeat(32)],
    ['a leading space', ` ${'A'.repeat(43)}`],
  ])('refuses %s', (_case, text) => {
    expect(parseGrantMac(text)).toBeUndefined()
  })

  it('never throws on noise', () => {
    fc.assert(fc.property(fc.string(), (text) => parseGrantMac(text) === undefined))
  })

  it('gives every use its own key', () => {
    const keys = Object.values(deriveKeys(generateGrantMac()))
    expect(new Set(keys.map((key) => key.export().toString('hex'))).size).toBe(5)
  })
})

describe('the token digest', () => {
  it('TK-04 differs per token and per key, and holds nothing of the token', () => {
    const [one, two] = [0, 1].map(() => createTokenDigest(deriveKeys(generateGrantMac()).digest))
    const token = mintToken('pt', 'live')
    expect(one!(token)).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(one!(token)).toBe(one!(token))
    expect(new Set([one!(token), two!(token), one!(mintToken('pt', 'live'))]).size).toBe(3)
    expect(one!(token)).not.toContain(token.slice(8, 16))
  })
})

describe('the signing key', () => {
  it('reads back as it was written', () => {
    const key = generateSigningKey()
    expect(parseSigningKey(formatSigningKey(key))?.equals(key)).toBe(true)
  })

  it.each([
    [
      'an RSA key',
      formatSigningKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    ],
    [
      'a P-256 key',
      formatSigningKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    ['an Ed448 key', formatSigningKey(generateKeyPairSync('ed448').privateKey)],
    [
      'a public key',
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    [
      'an encrypted key',
      generateKeyPairSync('ed25519')
        .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
    ],
    ['noise', 'no key at all'],
  ])('refuses %s', (_case, pem) => {
    expect(parseSigningKey(pem)).toBeUndefined()
  })
})
