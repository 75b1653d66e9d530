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
    ['hashicorp:kv/stripe', { source: 'hashicorp', place: 'kv/stripe' }],
    [
      'hashicorp:secret/data/stripe#key',
      { source: 'hashicorp', place: 'secret/data/stripe', field: 'key' },
    ],
    ['aws-sm:prod/stripe#key', { source: 'aws-sm', place: 'prod/stripe', field: 'key' }],
    [
      'aws-sm:prod/stripe?stage=AWSPREVIOUS',
      { source: 'aws-sm', place: 'prod/stripe?stage=AWSPREVIOUS' },
    ],
    [
      'aws-sm:arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/stripe-a1B2c3',
      {
        source: 'aws-sm',
        place: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/stripe-a1B2c3',
      },
    ],
  ])('%s is read, and written the same', (text, value) => {
    expect(parseReference(text)).toEqual({ ok: true, value })
    const parsed = parseReference(text)
    expect(parsed.ok && formatReference(parsed.value)).toBe(text)
  })

  it.each([
    ['', 'begins with vault:, env:, file:, hashicorp: or aws-sm:'],
    ['stripe', 'begins with vault:, env:, file:, hashicorp: or aws-sm:'],
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
    ['hashicorp:stripe', 'hashicorp: needs'],
    ['hashicorp:/secret/data/stripe', 'hashicorp: needs'],
    ['hashicorp:secret/../sys/seal', 'hashicorp: needs'],
    ['hashicorp:secret/..', 'hashicorp: needs'],
    ['hashicorp:secret/data/stripe?version=1', 'hashicorp: needs'],
    ['hashicorp:secret/data/a b', 'hashicorp: needs'],
    ['hashicorp:secret/data/stripe#', 'name of one field'],
    ['hashicorp:secret/data/stripe#a#b', 'hashicorp: needs'],
    ['aws-sm:', 'aws-sm: needs'],
    ['aws-sm:prod stripe', 'aws-sm: needs'],
    ['aws-sm:stripe?stage=', 'aws-sm: needs'],
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
        .tuple(fc.constantFrom('vault:', 'env:', 'file:/', 'aws-sm:', 'hashicorp:'), fc.string())
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
