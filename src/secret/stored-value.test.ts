import { expect, it } from 'vitest'
import { Secret } from './secret.ts'
import { holdsStoredValue } from './stored-value.ts'

const VALUE = 'no-vendor-would-know-this-one'

it.each([
  ['a text that is nothing else', VALUE, true],
  ['the middle of a text', `{"note":"${VALUE}"}`, true],
  ['the middle of bytes', Buffer.from(`\x00\xff${VALUE}\x00`, 'latin1'), true],
  ['half of it', VALUE.slice(0, -1), false],
  ['other letters', VALUE.toUpperCase(), false],
  ['nothing', '', false],
])('finds a value in %s, or does not', (_what, text, isHeld) => {
  expect(holdsStoredValue(text, new Secret(VALUE))).toBe(isHeld)
})

it('does not look for what stands in texts by chance', () => {
  expect(holdsStoredValue('user=admin', new Secret('admin'))).toBe(false)
  expect(holdsStoredValue('anything', new Secret(''))).toBe(false)
})
