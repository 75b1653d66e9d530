import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSigner } from '../storage/journal/checkpoint-note.ts'
import { formatVkey, isSignedBy, parseCheckpoint, parseNote, parseVkey } from './note.ts'

const ORIGIN = 'apistronghold/production/local'
const ROOT = Buffer.alloc(32, 7)

const { privateKey } = generateKeyPairSync('ed25519')
const publicKey = createPublicKey(privateKey)
const written = createSigner({ key: privateKey, origin: ORIGIN })({ size: 258, root: ROOT })

describe('a checkpoint as the journal writes it', () => {
  it('is read back, and its signature is the key of its origin', () => {
    const note = parseNote(written)!
    expect(parseCheckpoint(note.text)).toEqual({ origin: ORIGIN, size: 258, root: ROOT })
    expect(isSignedBy(note, { name: ORIGIN, publicKey })).toBe(true)
  })

  it('is not signed by another key, or by this one under another name', () => {
    const note = parseNote(written)!
    const other = generateKeyPairSync('ed25519').publicKey
    expect(isSignedBy(note, { name: ORIGIN, publicKey: other })).toBe(false)
    expect(isSignedBy(note, { name: 'apistronghold/production/worker-1', publicKey })).toBe(false)
  })

  it('is written in one way only: what encodes the same bytes otherwise is no note', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const last = written.trimEnd().length - 2
    const next = alphabet[alphabet.indexOf(written[last] ?? '') + 1] ?? ''
    const other = written.slice(0, last) + next + written.slice(last + 1)
    expect(written[last + 1]).toBe('=')
    expect(parseNote(other)).toBeUndefined()
    const vkey = formatVkey({ name: ORIGIN, publicKey })
    expect(parseVkey(vkey.replace(/=*$/, '===').slice(0, -1))).toBeUndefined()
  })

  it('is not signed any more when any byte of it is another', () => {
    for (let at = 0; at < written.length; at++) {
      const changed = `${written.slice(0, at)}${written[at] === 'A' ? 'B' : 'A'}${written.slice(at + 1)}`
      const note = parseNote(changed)
      expect(note !== undefined && isSignedBy(note, { name: ORIGIN, publicKey })).toBe(false)
    }
  })

  it.each([
    ['', 'nothing'],
    [written.trimEnd(), 'no newline at the end'],
    [written.split('\n\n')[0]!, 'no signature'],
    [written.replace('\u2014', '-'), 'another dash'],
  ])('is no note: %j (%s)', (text) => {
    expect(parseNote(text)).toBeUndefined()
  })

  it.each(['a\n01\n', 'a\n-1\n', `a\n1\nshort\n`, `\n1\n${ROOT.toString('base64')}\n`])(
    'is no checkpoint: %j',
    (text) => {
      expect(parseCheckpoint(text)).toBeUndefined()
    },
  )
})

describe('a public key', () => {
  it('is the one that was written', () => {
    const text = formatVkey({ name: 'apistronghold/production', publicKey })
    expect(text).toMatch(/^apistronghold\/production\+[0-9a-f]{8}\+A/)
    const read = parseVkey(`${text}\n`)!
    expect(read.name).toBe('apistronghold/production')
    expect(read.publicKey.equals(publicKey)).toBe(true)
  })

  it('is refused when its name, its id or its bytes are another key’s', () => {
    const text = formatVkey({ name: 'apistronghold/production', publicKey })
    const [name = '', id = '', key = ''] = text.split('+', 3)
    const rest = text.slice(name.length + id.length + 2)
    for (const wrong of [
      `x${text}`,
      `${name}+00000000+${rest}`,
      `${name}+${id}+AAAA`,
      `${name}+${key}`,
    ])
      expect(parseVkey(wrong)).toBeUndefined()
  })

  it('is never read from noise, and reading never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseVkey(text)).toBeUndefined()
        parseNote(text)
        parseCheckpoint(text)
      }),
    )
  })
})
