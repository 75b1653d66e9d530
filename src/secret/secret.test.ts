import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Failure } from '../base/errors.ts'
import { Secret } from './secret.ts'

const CANARY = 'canary-3f9d2c'
const secret = new Secret(CANARY)

describe('a secret', () => {
  it.each<[string, () => string]>([
    ['as text', () => String(secret)],
    ['added to text', () => 'key ' + String(secret)],
    ['as JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspected', () => inspect({ secret }, { depth: 9, showHidden: true })],
    ['inside a map', () => inspect(new Map([['secret', secret]]), { showHidden: true })],
    ['as the cause of a failure', () => inspect(new Failure('refused', 'no', { cause: secret }))],
    ['cloned', () => inspect(structuredClone(secret), { showHidden: true })],
    ['by its properties', () => JSON.stringify(Object.entries(secret))],
  ])('CE-11 does not show %s', (_case, show) => {
    expect(show()).not.toContain(CANARY)
  })

  it('is given only by reveal', () => {
    expect(secret.reveal()).toBe(CANARY)
  })
})
