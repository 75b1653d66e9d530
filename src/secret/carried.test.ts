import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { carriesRealCredential, holdsLongRun } from './carried.ts'
import { looksLikeRealCredential } from './looks-real.ts'

/** Made up here from parts, so that no scanner takes this file for a leak. */
const random = (length: number, alphabet = 'a8Kc2Xf7Qz1Lm5Rt0Wp3') =>
  alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length)
const hex = (length: number) => random(length, '0f9a3b7c1d5e8246')
const OWN = `pt_live_${random(36)}`

const KEYS = [
  `sk_live_${random(24)}`,
  `rk_test_${random(24)}`,
  `whsec_${random(32)}`,
  `sk-ant-api03-${random(93)}AA`,
  `sk-proj-${random(74)}`,
  `sk-${random(48)}`,
  `sk-or-v1-${hex(64)}`,
  `ghp_${random(36)}`,
  `github_pat_${random(82)}`,
  `glpat-${random(20)}`,
  `xoxb-${random(12, '1234567890')}-${random(12, '1234567890')}-${random(24)}`,
  `xoxe.xoxp-1-${random(60)}`,
  `xapp-1-A${random(10).toUpperCase()}-${random(13, '1234567890')}-${hex(64)}`,
  `AKIA${random(16, 'Q7ZX3CVB5NM2LKJH')}`,
  `SG.${random(22)}.${random(43)}`,
  `re_${random(8)}_${random(24)}`,
  `lin_api_${random(40)}`,
  `dop_v1_${hex(64)}`,
  `AIza${random(35)}`,
  `ya29.${random(60)}`,
  `GOCSPX-${random(28)}`,
  `ntn_${random(46)}`,
  `secret_${random(43)}`,
  `AC${hex(32)}:${random(32)}`,
  `cfut_${random(44)}`,
  `v1.0-${hex(24)}-${hex(146)}`,
  `M${random(25)}.${random(6)}.${random(38)}`,
  `npm_${random(36)}`,
  `hf_${random(34)}`,
  `gsk_${random(52)}`,
  `xai-${random(80)}`,
  `r8_${random(37)}`,
  `shpat_${hex(32)}`,
  `dckr_pat_${random(27)}`,
  `hvs.${random(90)}`,
  `AGE-SECRET-KEY-1${random(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`,
  `-----BEGIN PRIVATE KEY-----\n${random(64)}`,
  String.raw`-----BEGIN RSA PRIVATE KEY-----\n${random(64)}`,
]

describe('a real key', () => {
  it.each(KEYS)('is found wherever it stands: %s', (key) => {
    const fillers = ['', '{"note":"', 'words and more words '.repeat(500), `${random(300)}=`]
    for (const filler of fillers) expect(carriesRealCredential(`${filler}${key}" }`)).toBe(true)
    expect(holdsLongRun(key)).toBe(true)
  })

  it.each([
    ['nothing', ''],
    ['words', 'risk-assessment-of-the-plan, task-force, and desk-sk-eleton-crew-for-all-hands'],
    ['a UUID', 'stripe-node-retry-0f0e2a50-3b3e-4c43-9d2c-8f1f1f1f1f1f'],
    ['an id', '/v1/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa'],
    ['a digest', hex(64)],
    ['our own token', OWN],
    ['our own token in a vendor’s shape', `sk_live_${OWN}`],
    ['a dummy', 'sk-ant-put-your-own-key-here-please'],
    ['a long run', random(100_000)],
    ['a key cut off', 'sk_live_51Abc'],
  ])('is not seen in %s', (_what, text) => {
    expect(carriesRealCredential(text)).toBe(false)
  })

  it('is found in every text in which the slow look finds it', () => {
    const texts = fc.tuple(fc.string(), fc.constantFrom(...KEYS, OWN), fc.string())
    fc.assert(
      fc.property(texts, ([before, key, after]) => {
        const text = `${before} ${key} ${after}`
        if (looksLikeRealCredential(text) !== undefined)
          expect(carriesRealCredential(text)).toBe(true)
      }),
    )
  })
})
