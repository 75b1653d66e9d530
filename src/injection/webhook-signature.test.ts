import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { signWebhook } from './webhook-signature.ts'

describe('a webhook signature', () => {
  it('is the one that the specification gives as its example', () => {
    const signed = signWebhook(new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    })
    expect(signed).toEqual({ ok: true, value: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' })
  })

  it('is made with each secret while one replaces the other', () => {
    const keys = [randomBytes(24), randomBytes(64)]
    const text = keys.map((key) => `whsec_${key.toString('base64')}`).join('\n')
    const signed = signWebhook(new Secret(`${text}\n`), { id: 'a', timestamp: 1, body: 'b' })
    const expected = keys.map(
      (key) => `v1,${createHmac('sha256', key).update('a.1.b').digest('base64')}`,
    )
    expect(signed).toEqual({ ok: true, value: expected.join(' ') })
  })

  it.each([
    ['empty', ''],
    ['without its prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    ['too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['too long', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['no base64', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!'],
    ['one of many', Array<string>(5).fill('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw').join(' ')],
  ])('is refused, unquoted, for a secret that is %s', (_case, text) => {
    const signed = signWebhook(new Secret(text), { id: 'a', timestamp: 1, body: 'b' })
    const problem = 'it is not whsec_ and 24 to 64 bytes in base64'
    expect(signed).toEqual({ ok: false, error: { problem } })
  })

  it('never throws, whatever the secret', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(signWebhook(new Secret(text), { id: 'a', timestamp: 1, body: 'b' }).ok).toBe(false)
      }),
    )
  })
})
