import { generateKeyPairSync } from 'node:crypto'
import { jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MintRule } from '../../src/catalog/service.ts'
import { createAsk } from '../../src/network/ask.ts'
import { createDial } from '../../src/network/dial.ts'
import { Secret } from '../../src/secret/secret.ts'
import type { Fields, Mint, Minted } from '../../src/secret-stores/minting/mint.ts'
import { createMint } from '../../src/secret-stores/minting/minter.ts'
import { createFakeAws, REAL_PAIR } from '../support/fake-aws.ts'
import { isMotoMissing, startMoto } from '../support/moto.ts'
import { CLIENT_ID, startOAuthServer, type OAuthServer } from '../support/oauth-server.ts'
import { createAuthority } from '../support/pki.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const authority = createAuthority()
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PKCS8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const PKCS1 = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()

let server: OAuthServer
let scripted: Upstream
let mint: Mint

beforeAll(async () => {
  server = await startOAuthServer({ authority, accessTokenSeconds: 600 })
  scripted = await startUpstream({ authority })
  const ask = createAsk({ dial: createDial(), timeoutMs: 5000 })
  mint = createMint({ ask, now: Date.now })
})

afterAll(async () => {
  await server.close()
  await scripted.close()
})

beforeEach(() => {
  scripted.forget()
})

function aRule(overrides: Partial<MintRule> & Pick<MintRule, 'grant' | 'url'>): MintRule {
  return {
    ...{ clientAuth: 'basic', body: 'form', scope: undefined, audience: undefined },
    ...{ ca: authority.certificate, allowPrivateAddress: true },
    ...overrides,
  }
}

const fieldsOf = (fields: Record<string, string>): Fields =>
  new Map(Object.entries(fields).map(([name, value]) => [name, new Secret(value)]))

const secretOf = ({ fields }: Minted): string => fields.get('secret')?.reveal() ?? ''

const client = () => ({ client_id: CLIENT_ID, client_secret: server.clientSecret })

describe('a token from a real OAuth 2 server', () => {
  const refreshing = () => aRule({ grant: 'oauth2_refresh', url: `${server.origin}/token` })

  it('comes with the refresh token that takes the place of the former one', async () => {
    const first = await server.issueRefreshToken()
    const before = Date.now()
    const minted = await mint(refreshing(), fieldsOf({ ...client(), refresh_token: first }))
    expect(await server.isValid(secretOf(minted))).toBe(true)
    expect(minted.expiresAt).toBeGreaterThanOrEqual(before + 590_000)
    expect(minted.expiresAt).toBeLessThanOrEqual(Date.now() + 600_000)
    const next = minted.refreshToken?.reveal() ?? ''
    expect(next).not.toBe(first)
    const again = await mint(refreshing(), fieldsOf({ ...client(), refresh_token: next }))
    expect(await server.isValid(secretOf(again))).toBe(true)
  })

  it('is refused in words for a refresh token that was used before', async () => {
    const used = fieldsOf({ ...client(), refresh_token: await server.issueRefreshToken() })
    await mint(refreshing(), used)
    await expect(mint(refreshing(), used)).rejects.toMatchObject({
      code: 'secret_invalid',
      message: expect.stringContaining('invalid_grant') as string,
    })
  })

  it('is one for the client itself', async () => {
    const rule = aRule({ grant: 'oauth2_client_credentials', url: `${server.origin}/token` })
    const minted = await mint(rule, fieldsOf(client()))
    expect(secretOf(minted).length).toBeGreaterThan(20)
    expect(minted.refreshToken).toBeUndefined()
  })

  it('is refused in words for a client that gave another secret', async () => {
    const rule = aRule({ grant: 'oauth2_client_credentials', url: `${server.origin}/token` })
    const wrong = fieldsOf({ client_id: CLIENT_ID, client_secret: 'canary-other-secret' })
    const failed: unknown = await mint(rule, wrong).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'secret_invalid', message: /invalid_client/ })
    expect(String(failed)).not.toContain('canary')
  })
})

describe('a token request', () => {
  const answered = (answer: object, status = 200) => {
    scripted.respond(() => ({ status, body: answer }))
  }
  const sent = () => scripted.requests.at(-1)

  it('is a form with the secret in it, or JSON, where the service wants that', async () => {
    answered({ access_token: 'at-1', token_type: 'bearer' })
    const url = `${scripted.origin}/oauth/token`
    const fields = fieldsOf({ client_id: 'id', client_secret: 's3', refresh_token: 'r1' })
    await mint(aRule({ grant: 'oauth2_refresh', url, clientAuth: 'post' }), fields)
    const form = new URLSearchParams(sent()?.body.toString())
    expect(Object.fromEntries(form)).toEqual({
      ...{ grant_type: 'refresh_token', refresh_token: 'r1', client_id: 'id', client_secret: 's3' },
    })
    await mint(aRule({ grant: 'oauth2_refresh', url, body: 'json' }), fields)
    expect(JSON.parse(sent()?.body.toString() ?? '')).toEqual({
      ...{ grant_type: 'refresh_token', refresh_token: 'r1' },
    })
  })

  it.each([0, 1])('that lives for %i s is used for two all the same', async (seconds) => {
    const before = Date.now()
    answered({ access_token: 'a', token_type: 'Bearer', expires_in: seconds, refresh_token: 'r2' })
    const rule = aRule({ grant: 'oauth2_refresh', url: `${scripted.origin}/token` })
    const fields = fieldsOf({ client_id: 'id', client_secret: 's', refresh_token: 'r1' })
    const { expiresAt, refreshToken } = await mint(rule, fields)
    expect(expiresAt).toBeGreaterThanOrEqual(before + 2000)
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 2000)
    expect(refreshToken?.reveal()).toBe('r2')
  })

  it('asks for the scope and the audience of its service', async () => {
    answered({ access_token: 'at-1', token_type: 'Bearer', expires_in: 60 })
    const url = `${scripted.origin}/token`
    const rule = aRule({
      grant: 'oauth2_client_credentials',
      url,
      scope: 'a b',
      audience: 'https://x',
    })
    await mint(rule, fieldsOf({ client_id: 'id', client_secret: 's3' }))
    const form = new URLSearchParams(sent()?.body.toString())
    expect([form.get('scope'), form.get('audience')]).toEqual(['a b', 'https://x'])
  })

  it.each([
    ['PKCS#8', PKCS8],
    ['PKCS#1', PKCS1],
  ])('of a service account is signed by its key in %s', async (_form, pem) => {
    answered({
      access_token: 'ya29.x',
      token_type: 'Bearer',
      expires_in: 3599,
      id_token: 'not one',
    })
    const url = `${scripted.origin}/token`
    const rule = aRule({ grant: 'google_service_account', url, scope: 'https://mail.example/' })
    const account = { client_email: 'bot@p.example', private_key: pem, subject: 'boss@p.example' }
    const minted = await mint(rule, fieldsOf(account))
    expect(secretOf(minted)).toBe('ya29.x')
    const form = new URLSearchParams(sent()?.body.toString())
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, {
      ...{ issuer: 'bot@p.example', audience: url, subject: 'boss@p.example' },
    })
    expect(payload['scope']).toBe('https://mail.example/')
  })

  it('of an app is signed by its key and names its installation', async () => {
    const expiresAt = '2099-11-24T12:00:00Z'
    answered({ token: 'ghs_abc', expires_at: expiresAt }, 201)
    const url = `${scripted.origin}/app/installations/{installation_id}/access_tokens`
    const app = { app_id: '7', installation_id: '42', private_key: PKCS1 }
    const minted = await mint(aRule({ grant: 'github_app', url }), fieldsOf(app))
    expect([secretOf(minted), minted.expiresAt]).toEqual(['ghs_abc', Date.parse(expiresAt)])
    expect(sent()).toMatchObject({ method: 'POST', target: '/app/installations/42/access_tokens' })
    const bearer = sent()?.headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1]
    const jwt = bearer?.replace(/^Bearer /, '') ?? ''
    await jwtVerify(jwt, publicKey, { issuer: '7' })
  })

  it('never leads to another path', async () => {
    const url = `${scripted.origin}/app/installations/{installation_id}/access_tokens`
    const app = { app_id: '7', installation_id: '../../x', private_key: PKCS1 }
    const minting = mint(aRule({ grant: 'github_app', url }), fieldsOf(app))
    await expect(minting).rejects.toMatchObject({ code: 'secret_invalid' })
    expect(scripted.requests).toEqual([])
  })

  const refresh = () =>
    mint(
      aRule({ grant: 'oauth2_refresh', url: `${scripted.origin}/token` }),
      fieldsOf({ client_id: 'id', client_secret: 'canary-s3', refresh_token: 'canary-r1' }),
    )

  it.each<[string, () => void]>([
    [
      '500',
      () => {
        answered({ error: 'canary-r1' }, 500)
      },
    ],
    [
      '429',
      () => {
        answered({ error: 'slow_down' }, 429)
      },
    ],
    [
      'a redirect',
      () => {
        scripted.respond(() => ({ status: 302, headers: { location: 'https://evil.example/' } }))
      },
    ],
    [
      'no JSON',
      () => {
        scripted.respond(() => ({ body: 'canary-r1' }))
      },
    ],
    [
      'no token',
      () => {
        answered({ token_type: 'Bearer' })
      },
    ],
    [
      'an error of its own making',
      () => {
        answered({ error: 'canary-r1' }, 400)
      },
    ],
    [
      'a cut connection',
      () => {
        scripted.respond(() => 'reset')
      },
    ],
    [
      'a flood',
      () => {
        scripted.respond(() => ({ body: 'x'.repeat(300_000) }))
      },
    ],
  ])(
    'that is answered with %s may be tried again, and nothing is quoted',
    async (_what, script) => {
      script()
      const failed: unknown = await refresh().catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'secret_store_unavailable' })
      expect(String(failed)).not.toContain('canary')
      expect(scripted.requests.length).toBeLessThanOrEqual(1)
    },
  )

  it.each<[MintRule['grant'], Record<string, string>]>([
    ['oauth2_refresh', { client_id: 'id', client_secret: 's', refresh_token: 'r' }],
    ['github_app', { app_id: '7', installation_id: '42', private_key: PKCS1 }],
    ['aws_assume_role', { ...REAL_PAIR, role_arn: 'arn:aws:iam::123456789012:role/agent' }],
  ])('of %s is asked for again when the server says so', async (grant, fields) => {
    const rule = aRule({ grant, url: `${scripted.origin}/token` })
    const restOf = async (text: string): Promise<unknown> => {
      scripted.respond(() => ({ status: 429, headers: { 'retry-after': text }, body: {} }))
      const failed: unknown = await mint(rule, fieldsOf(fields)).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'secret_store_unavailable' })
      return Reflect.get(Object(failed) as object, 'retryAfterSeconds')
    }
    expect(await restOf('17')).toBe(17)
    expect(await restOf('99999')).toBe(300)
    expect(await restOf('soon')).toBeUndefined()
    const inAMinute = await restOf(new Date(Date.now() + 60_000).toUTCString())
    expect(inAMinute).toBeGreaterThan(20)
    expect(inAMinute).toBeLessThanOrEqual(60)
  })

  it('CE-08 does not go where the operator allowed no private address', async () => {
    const rule = aRule({ grant: 'oauth2_refresh', url: `${scripted.origin}/token` })
    const fields = fieldsOf({ client_id: 'id', client_secret: 's', refresh_token: 'r' })
    const minting = mint({ ...rule, allowPrivateAddress: false }, fields)
    await expect(minting).rejects.toMatchObject({ code: 'secret_store_unavailable' })
    expect(scripted.requests).toEqual([])
  })
})

describe('keys of an AWS role', () => {
  const role = { role_arn: 'arn:aws:iam::123456789012:role/agent', external_id: 'ext-1' }
  const rule = () => aRule({ grant: 'aws_assume_role', url: `${scripted.origin}/` })
  const aws = createFakeAws(() => new URL(scripted.origin).host)

  it('come for a request that the stored pair signed, and say when they end', async () => {
    scripted.respond(aws.respond)
    const { fields, expiresAt } = await mint(rule(), fieldsOf({ ...REAL_PAIR, ...role }))
    expect([...fields].map(([name, secret]) => `${name}=${secret.reveal()}`)).toEqual([
      'access_key_id=ASIAROLE',
      'secret_access_key=role/secret+1',
      'session_token=role//session==',
    ])
    expect(expiresAt).toBe(Date.UTC(2030, 0, 1))
    expect(aws.verified).toEqual(['sts us-east-1 digest'])
    const [asked] = scripted.requests
    expect(Object.fromEntries(new URLSearchParams(asked?.body.toString()))).toMatchObject({
      ...{ Action: 'AssumeRole', RoleArn: role.role_arn, ExternalId: 'ext-1' },
      ...{ RoleSessionName: 'apistronghold', DurationSeconds: '3600' },
    })
  })

  it.each([
    { status: 403, code: 'AccessDenied', expected: 'secret_invalid' },
    { status: 400, code: 'Throttling', expected: 'secret_store_unavailable' },
    { status: 503, code: 'ServiceUnavailable', expected: 'secret_store_unavailable' },
  ])('are not had for $status $code', async ({ status, code, expected }) => {
    const body = `<ErrorResponse><Error><Code>${code}</Code><Message>echo ${REAL_PAIR.secret_access_key}</Message></Error></ErrorResponse>`
    scripted.respond(() => ({ status, body }))
    const minting = mint(rule(), fieldsOf({ ...REAL_PAIR, ...role }))
    await expect(minting).rejects.toMatchObject({
      code: expected,
      message: expect.not.stringContaining('echo') as string,
    })
  })

  it('are none where the answer holds none', async () => {
    scripted.respond(() => ({ body: '<AssumeRoleResponse/>' }))
    await expect(mint(rule(), fieldsOf({ ...REAL_PAIR, ...role }))).rejects.toMatchObject({
      code: 'secret_store_unavailable',
    })
  })
})

describe.skipIf(isMotoMissing())("keys of a role from moto's Security Token Service", () => {
  it('are there, and work', async () => {
    const moto = await startMoto()
    try {
      const stored = { ...REAL_PAIR, role_arn: 'arn:aws:iam::123456789012:role/agent' }
      const rule = aRule({ grant: 'aws_assume_role', url: `${moto.url}/` })
      const { fields, expiresAt } = await mint(rule, fieldsOf(stored))
      expect(fields.get('access_key_id')?.reveal()).toMatch(/^ASIA/)
      expect(fields.size).toBe(3)
      expect(expiresAt).toBeGreaterThan(Date.now() + 3_000_000)
    } finally {
      await moto.close()
    }
  })
})
