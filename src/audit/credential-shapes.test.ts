import { describe, expect, it } from 'vitest'
import { mintToken } from '../token/token.ts'
import { hideCredentials, holdsCredential } from './credential-shapes.ts'

describe('text with a credential in it', () => {
  it.each([
    mintToken('pt', 'live'),
    mintToken('mt', 'test'),
    mintToken('ok', 'live'),
    `sk_live_${mintToken('pt', 'live')}`,
    'sk_test_4eC39HqLyjWDarjtT1zdp7dc',
    'rk_live_51Habcdefghijkl',
    'whsec_abcdefghijklmnopqrstuvwx',
    'sk-proj-abcdefghijklmnopqrstuvwxyz012345',
    'sk-ant-api03-abcdefghijklmnopqrstuvwxyz',
    'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
    'github_pat_11ABCDEFG0abcdefghijkl_mnop',
    'xoxb-123456789012-abcdefghijkl',
    'xapp-1-A0123-456-abcdef',
    'AKIAIOSFODNN7EXAMPLE',
    `AIza${'Sy'.repeat(17)}x`,
    'ya29.a0AfH6SMBabcdefghijkl',
    'SG.abcdefghijklmnopqrstuv.wxyz0123456789',
    're_AbCdEfGh_123456789012345678901234',
    'lin_api_abcdefghijklmnopqrstuvwxyz',
    'ntn_123456789012abcdefghijkl',
    `dop_v1_${'ab'.repeat(32)}`,
    `npm_${'a1'.repeat(18)}`,
    'hvs.CAESIJabcdefghijklmnopqrstuv',
    'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZ2VudCJ9.c2lnbmF0dXJl',
    `AGE-SECRET-KEY-1${'QQ'.repeat(29)}`,
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==',
    'Bearer abcdefghijklmnop',
    'Basic dXNlcjpwYXNzd29yZA==',
  ])('%s loses it and keeps the rest', (credential) => {
    expect(holdsCredential(`/x/${credential}`)).toBe(true)
    expect(hideCredentials(`before, ${credential}`)).toBe('before, [credential]')
  })

  it('loses one of ours also where letters stand before it', () => {
    expect(hideCredentials(`/bot${mintToken('pt', 'test')}/send`)).toBe('/bot[credential]/send')
  })

  it('loses the password of a URL', () => {
    expect(hideCredentials('see https://joe:hunter2@api.example/x')).toBe(
      'see https://[credential]@api.example/x',
    )
  })

  it.each([
    'order-processing-agent',
    'risk-assessment-of-the-quarterly-plan',
    'tok_00000000000000000001',
    'task-force-one-hundred-and-twenty',
    'Stripe/v1 NodeBindings/23.1.0 (linux; x64)',
    'https://api.stripe.com:443/v1/charges',
    'POST /v1/payment_intents/*/capture',
    'req_0123456789abcdef0123456789abcdef',
    'store_inventory_locations_of_warehouse',
    'Basic plan, Bearer of news',
  ])('%s has none and stays', (text) => {
    expect(hideCredentials(text)).toBe(text)
  })

  it('is searched in time that does not explode', () => {
    const started = performance.now()
    for (const piece of ['eyJa-', 'sk-', 'Bearer ', '://a:', 're_', '-----BEGIN '])
      hideCredentials(piece.repeat(200_000))
    expect(performance.now() - started).toBeLessThan(500)
  })
})
