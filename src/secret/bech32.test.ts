import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hasBech32Checksum } from './bech32.ts'
import { generateVaultIdentity } from './keys.ts'

it.each([
  ['a12uel5l', 'a'],
  ['abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw', 'abcdef'],
  ['split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w', 'split'],
  ['?1ezyfcl', '?'],
])('the BIP 173 example %s is right', (text, prefix) => {
  expect(hasBech32Checksum(text, prefix)).toBe(true)
})

it.each([
  ['', 'a'],
  ['a1', 'a'],
  ['a12uel5m', 'a'],
  ['b12uel5l', 'a'],
  ['a12UEL5L', 'a'],
  ['a1bioooo', 'a'],
])('%j is not right', (text, prefix) => {
  expect(hasBech32Checksum(text, prefix)).toBe(false)
})

it('finds any one wrong character of a recipient', async () => {
  const { recipient } = await generateVaultIdentity()
  expect(hasBech32Checksum(recipient, 'age')).toBe(true)
  const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
  fc.assert(
    fc.property(fc.integer({ min: 4, max: recipient.length - 1 }), fc.nat(31), (at, letter) => {
      const wrong = recipient.slice(0, at) + letters.charAt(letter) + recipient.slice(at + 1)
      expect(hasBech32Checksum(wrong, 'age')).toBe(wrong === recipient)
    }),
  )
})
