import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, issueBad, type Leaf } from '../../test/support/pki.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { expiryOf, readTlsPair } from './tls-files.ts'

const authority = createAuthority()
const good = authority.issue({ names: ['proxy.example'] })
const other = authority.issue({ names: ['proxy.example'] })
let directory: TemporaryDirectory

beforeEach(() => {
  directory = createTemporaryDirectory()
})
afterEach(() => {
  directory.remove()
})

function write({ cert, key }: Partial<Leaf>): { readonly cert: string; readonly key: string } {
  const files = { cert: join(directory.path, 'tls.pem'), key: join(directory.path, 'tls.key') }
  if (cert !== undefined) writeFileSync(files.cert, cert)
  if (key !== undefined) writeFileSync(files.key, key, { mode: 0o600 })
  return files
}

function problemOf(leaf: Partial<Leaf>): string {
  try {
    readTlsPair('data', write(leaf))
  } catch (error) {
    return String(error)
  }
  return 'no problem'
}

describe("a plane's certificate and key", () => {
  it('are read with the facts that others need', () => {
    const pair = readTlsPair('data', write({ ...good, cert: good.cert + authority.certificate }))
    const { fingerprint256, validToDate } = new X509Certificate(good.cert)
    expect(pair.cert).toContain(authority.certificate)
    expect(pair.key).toBe(good.key)
    expect(pair.expiresAt).toBe(validToDate.getTime())
    expect(pair.fingerprint.match(/../g)?.join(':').toUpperCase()).toBe(fingerprint256)
  })

  it('may be links, as Kubernetes and certbot make them', () => {
    const files = write(good)
    const linked = { cert: join(directory.path, 'cert'), key: join(directory.path, 'key') }
    symlinkSync(files.cert, linked.cert)
    symlinkSync(files.key, linked.key)
    expect(readTlsPair('control', linked).cert).toBe(good.cert)
  })

  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey

  it.each([
    ['no certificate', { key: good.key }, 'data.tls.cert_file: ', 'cannot be read (ENOENT)'],
    ['no key', { cert: good.cert }, 'data.tls.key_file: ', 'cannot be read (ENOENT)'],
    ['an empty certificate', { ...good, cert: '' }, 'cert_file', 'holds no certificate'],
    ['the key in its place', { ...good, cert: good.key }, 'cert_file', 'holds no certificate'],
    ['a certificate for a key', { ...good, key: good.cert }, 'key_file', 'holds no private key'],
    ['a key with a passphrase', { ...good, key: encrypted }, 'key_file', 'without a passphrase'],
    ["another's key", { ...good, key: other.key }, 'key_file', 'does not belong'],
    [
      'a broken chain',
      { ...good, cert: good.cert + good.cert.replace(/\n[A-Za-z0-9]{8}/, '\n????????') },
      'cert_file',
      'certificate chain',
    ],
  ])('are refused with %s', (...[, leaf, setting, words]) => {
    const problem = problemOf(leaf)
    expect(problem).toContain(setting)
    expect(problem).toContain(words)
    expect(problem).not.toContain('PRIVATE KEY')
  })

  it.each([0o604, 0o602, 0o644])('are refused when the mode of the key is %o', (mode) => {
    const files = write(good)
    chmodSync(files.key, mode)
    expect(() => readTlsPair('control', files)).toThrow(/control\.tls\.key_file.*every user/)
  })

  it('may be shared with a group', () => {
    const files = write(good)
    chmodSync(files.key, 0o640)
    expect(readTlsPair('data', files).key).toBe(good.key)
  })

  it('say when they expire', () => {
    const pair = readTlsPair('data', write(issueBad(authority, 'expired')))
    const day = 86_400_000
    expect(expiryOf(pair, Date.now())).toBe('expired')
    expect(expiryOf(pair, pair.expiresAt - day)).toBe('expires_soon')
    expect(expiryOf(pair, pair.expiresAt - 15 * day)).toBeUndefined()
  })
})
