import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCorpus } from '../../test/support/corpora.ts'
import { looksLikeRealCredential } from './looks-real.ts'

/** Made up here from parts, so that no scanner takes this file for a leak. */
const random = (length: number, alphabet = 'a8Kc2Xf7Qz1Lm5Rt0Wp3') =>
  alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length)
const hex = (length: number) => random(length, '0f9a3b7c1d5e8246')
const OWN = `pt_live_${random(36)}`

const REAL: readonly (readonly [kind: string, sample: string, rule: string | undefined])[] = [
  ['stripe', `sk_live_${random(24)}`, 'stripe-access-token'],
  ['stripe', `rk_live_${random(99)}`, 'stripe-access-token'],
  ['stripe', `sk_test_${random(24)}`, 'stripe-access-token'],
  ['stripe-webhook', `whsec_${random(32)}`, undefined],
  ['anthropic', `sk-ant-api03-${random(93)}AA`, 'anthropic-api-key'],
  ['anthropic', `sk-ant-admin01-${random(93)}AA`, 'anthropic-admin-api-key'],
  ['openai', `sk-proj-${random(74)}T3BlbkFJ${random(74)}`, 'openai-api-key'],
  ['openai', `sk-${random(20)}T3BlbkFJ${random(20)}`, 'openai-api-key'],
  ['openrouter', `sk-or-v1-${hex(64)}`, undefined],
  ['github', `ghp_${random(36)}`, 'github-pat'],
  ['github', `gho_${random(36)}`, 'github-oauth'],
  ['github', `ghs_${random(36)}`, 'github-app-token'],
  ['github', `github_pat_${random(82)}`, 'github-fine-grained-pat'],
  ['gitlab', `glpat-${random(20)}`, 'gitlab-pat'],
  [
    'slack',
    `xoxb-${random(12, '1234567890')}-${random(12, '1234567890')}-${random(24)}`,
    'slack-bot-token',
  ],
  [
    'slack',
    `xapp-1-A${random(10).toUpperCase()}-${random(13, '1234567890')}-${hex(64)}`,
    'slack-app-token',
  ],
  ['aws', `AKIA${random(16, 'Q7ZX3CVB5NM2LKJH')}`, 'aws-access-token'],
  ['sendgrid', `SG.${random(22)}.${random(43)}`, 'sendgrid-api-token'],
  ['resend', `re_${random(8)}_${random(24)}`, undefined],
  ['linear', `lin_api_${random(40)}`, 'linear-api-key'],
  ['digitalocean', `dop_v1_${hex(64)}`, 'digitalocean-pat'],
  ['google', `AIza${random(35)}`, 'gcp-api-key'],
  ['google', `ya29.${random(60)}`, undefined],
  ['notion', `ntn_${random(11, '12345678901')}${random(35)}`, 'notion-api-token'],
  ['twilio', `AC${hex(32)}:${hex(32)}`, undefined],
  ['npm', `npm_${random(36)}`, 'npm-access-token'],
  ['hugging-face', `hf_${random(34, 'aKcXfQzLmRtWpBdE')}`, 'huggingface-access-token'],
  ['shopify', `shpat_${hex(32)}`, 'shopify-access-token'],
  ['private-key', `-----BEGIN PRIVATE KEY-----\n${random(64)}`, undefined],
]

describe('CE-15 a real credential', () => {
  it.each(REAL)('of %s is recognised', (kind, sample) => {
    expect(looksLikeRealCredential(sample)).toBe(kind)
    expect(looksLikeRealCredential(`Bearer ${sample}`)).toBe(kind)
    const basic = Buffer.from(`user:${sample}`).toString('base64')
    expect(looksLikeRealCredential(`Basic ${basic}`)).toBe(kind)
  })

  it.each([
    ['a phantom token', OWN],
    ['a phantom with a scheme', `Bearer ${OWN}`],
    ['a management token', `mt_test_${random(36)}`],
    ['a phantom in the shape of Stripe', `sk_live_${OWN}`],
    ['a phantom in the shape of Anthropic', `sk-ant-api03-${OWN}`],
    ['a phantom in the shape of OpenAI', `sk-${OWN}`],
    ['a phantom in the shape of SendGrid', `SG.${OWN}`],
    ['a phantom in the shape of a GitHub PAT', `github_pat_${OWN}`],
    ['a phantom in Basic', `Basic ${Buffer.from(`x-access-token:${OWN}`).toString('base64')}`],
    ['nothing', ''],
    ['a word', 'dummy'],
    ['EMPTY', 'EMPTY'],
    ['a row of x', `sk-${'x'.repeat(48)}`],
    ['a row of zeros', `sk_test_${'0'.repeat(24)}`],
    ['a sentence', 'sk-no-key-is-required-here-at-all'],
    ['a sentence in the shape of Anthropic', 'sk-ant-put-your-own-key-here-please'],
    ['a short number', 'sk-1234'],
    ['a prefix inside a word', `task-${random(40)}`],
    ['a JWT', `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.${random(86)}`],
  ])('is not seen in %s', (_case, text) => {
    expect(looksLikeRealCredential(text)).toBeUndefined()
  })

  it('is seen beside a phantom', () => {
    expect(looksLikeRealCredential(`${OWN} sk_live_${random(24)}`)).toBe('stripe')
  })

  it('is looked for in linear time and without ever throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => void looksLikeRealCredential(text)),
    )
    const startedAt = performance.now()
    for (const unit of ['sk-', 'sk-ant-', 'SG.', 're_a', 'xoxb-', 'pt_live_', 'a'])
      looksLikeRealCredential(unit.repeat(1_000_000 / unit.length))
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})

describe('the samples above', () => {
  const corpus = readCorpus('gitleaks-rules')
  if (corpus === undefined) {
    it.skip('are what public scanners look for', () => undefined)
    return
  }
  const rules = new Map(
    corpus.map(({ name, regex }) => [String(name).replace('gitleaks/', ''), String(regex)]),
  )

  it.each(REAL.filter(([, , rule]) => rule !== undefined))(
    'CE-15 are what public scanners look for: %s',
    (_kind, sample, rule = '') => {
      // Go's inline flags, which JavaScript does not know.
      const source = (rules.get(rule) ?? '').replaceAll('(?i)', '').replace(/\(\?-?i:/g, '(?:')
      expect(sample).toMatch(new RegExp(source.replaceAll('\\z', '$'), 'i'))
    },
  )
})
