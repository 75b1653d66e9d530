import { createSecretKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { createKeyPairs, tokenIdOf } from './key-pair.ts'

const pairs = createKeyPairs(createSecretKey(Buffer.alloc(32, 1)))
const id = 'tok_0123456789abcdefghij'

it('names the token in the key id, and nobody else derives the secret', () => {
  const { accessKeyId, secretAccessKey } = pairs(id)
  expect(accessKeyId).toBe('AKIAPT0123456789abcdefghij')
  expect(tokenIdOf(accessKeyId)).toBe(id)
  expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/)
  expect(pairs(id).secretAccessKey).toBe(secretAccessKey)
  expect(pairs('tok_0123456789abcdefghiJ').secretAccessKey).not.toBe(secretAccessKey)
  const others = createKeyPairs(createSecretKey(Buffer.alloc(32, 2)))
  expect(others(id).secretAccessKey).not.toBe(secretAccessKey)
})

it.each([
  'AKIAIOSFODNN7EXAMPLE',
  'AKIAPT',
  'AKIAPT0123456789abcdefghij1',
  'AKIAPT012345678/abcdefghij',
  '',
])('takes "%s" for no key id of ours', (text) => {
  expect(tokenIdOf(text)).toBeUndefined()
})
