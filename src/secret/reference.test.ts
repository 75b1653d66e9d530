import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatReference, parseReference } from './reference.ts'

describe('a source reference', () => {
  it.each([
    ['vault:stripe', { source: 'vault', name: 'stripe' }],
    ['vault:openai-admin', { source: 'vault', name: 'openai-admin' }],
    ['env:STRIPE_KEY', { source: 'env', variable: 'STRIPE_KEY' }],
    ['file:/run/secrets/stripe', { source: 'file', path: '/run/secrets/stripe' }],
    ['file:/run/..data/key', { source: 'file', path: '/run/..data/key' }],
  ])('%s is read, and written the same', (text, value) => {
    expect(parseReference(text)).toEqual({ ok: true, value })
    const parsed = parseReference(text)
    expect(parsed.ok && formatReference(parsed.value)).toBe(text)
  })

  it.each([
    ['', 'begins with vault:, env: or file:'],
    ['stripe', 'begins with vault:, env: or file:'],
    ['VAULT:stripe', 'begins with'],
    ['vault:', 'vault: needs'],
    ['vault:Stripe', 'vault: needs'],
    ['env:', 'env: needs'],
    ['env:A-B', 'env: needs'],
    ['env:A=B', 'env: needs'],
    ['file:stripe', 'absolute path'],
    ['file:/a/../b', 'absolute path'],
    ['file:/a/./b', 'absolute path'],
    ['file:/a//b', 'absolute path'],
    ['file:/a/', 'absolute path'],
    ['file:/a\0b', 'absolute path'],
    ['hashicorp:secret/data/stripe#key', 'come later'],
    ['aws-sm:prod/stripe#key', 'come later'],
  ])('%j is refused: %s', (text, problem) => {
    const parsed = parseReference(text)
    expect(!parsed.ok && parsed.error.problem).toContain(problem)
  })

  it('CE-12 is never quoted: it may be the secret itself', () => {
    const parsed = parseReference('sk_live_canary3f9d2c')
    expect(JSON.stringify(parsed)).not.toContain('canary')
  })

  it('never throws, and what it accepts it also writes', () => {
    const texts = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('vault:', 'env:', 'file:/', 'aws-sm:'), fc.string())
        .map((p) => p.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseReference(text)
        return !parsed.ok || formatReference(parsed.value) === text
      }),
    )
  })
})
