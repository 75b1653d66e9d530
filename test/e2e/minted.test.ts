/** Credentials that are not what requests carry: tokens are minted from them, once for all workers. */

import { generateKeyPairSync } from 'node:crypto'
import { get } from 'node:http'
import { jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SecretSource } from '../../sdk/src/client.ts'
import { CLIENT_ID, startOAuthServer, type OAuthServer } from '../support/oauth-server.ts'
import { createAuthority } from '../support/pki.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import type { RecordedRequest } from '../support/request-reader.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const LIFE_SECONDS = 4
const MESSAGES = '/google-gmail/gmail/v1/users/me/messages'

const authority = createAuthority()
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const INSTALLATION = 'ghs_installationtoken0123456789abcdefghij'

let server: OAuthServer
let gmail: Upstream
let github: Upstream
let proxy: ProxyProcess
let refreshToken: string

const bearerOf = ({ headers }: RecordedRequest) =>
  headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1].replace(/^Bearer /, '') ??
  ''

beforeAll(async () => {
  server = await startOAuthServer({ authority, accessTokenSeconds: LIFE_SECONDS })
  gmail = await startUpstream({
    authority,
    respond: async (request) => ({ status: (await server.isValid(bearerOf(request))) ? 200 : 401 }),
  })
  github = await startUpstream({ authority, respond: respondAsGitHub })
  refreshToken = await server.issueRefreshToken()
  const app = { app_id: '7', installation_id: '42', private_key: PEM }
  const user = {
    ...{ client_id: CLIENT_ID, client_secret: server.clientSecret },
    refresh_token: refreshToken,
  }
  proxy = await startProxy({
    services: [
      {
        ...{ id: 'google-gmail', secret: JSON.stringify(user) },
        ...{ upstream: gmail, tokenOrigin: server.origin },
      },
      { id: 'github', secret: JSON.stringify(app), upstream: github },
    ],
    serveArguments: ['--workers', '2'],
  })
})

afterAll(async () => {
  await proxy.stop()
  await gmail.close()
  await github.close()
  await server.close()
})

async function respondAsGitHub(request: RecordedRequest) {
  if (!request.target.startsWith('/app/'))
    return { status: bearerOf(request) === INSTALLATION ? 200 : 401 }
  await jwtVerify(bearerOf(request), publicKey, { issuer: '7' })
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  return { status: 201, body: { token: INSTALLATION, expires_at: expiresAt } }
}

function statusOf(path: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    get(`${proxy.url}${path}`, { agent: false, headers }, (answer) => {
      answer.resume().once('close', () => {
        resolve(answer.statusCode ?? 0)
      })
    }).once('error', reject)
  })
}

const refreshes = () => server.grants.filter(({ type }) => type === 'refresh_token')

describe('an access token', () => {
  it('is minted once for all workers, and the refresh token goes to nobody else', async () => {
    const token = await proxy.issue('google-gmail:read')
    const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(MESSAGES, token)))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(refreshes()).toEqual([{ type: 'refresh_token', status: 200 }])
    expect(gmail.count(refreshToken)).toBe(0)
    expect(gmail.count(server.clientSecret)).toBe(0)
  })

  it('is renewed by the refresh token that came with it, and no agent notices', async () => {
    const token = await proxy.issue('google-gmail:read')
    const until = Date.now() + 2 * LIFE_SECONDS * 1000
    while (Date.now() < until) expect(await statusOf(MESSAGES, token)).toBe(200)
    expect(refreshes().length).toBeGreaterThan(1)
    expect(refreshes().every(({ status }) => status === 200)).toBe(true)
  })

  it('is minted again after a restart: each refresh token was sealed, and is on the record', async () => {
    await proxy.restart('SIGKILL')
    const token = await proxy.issue('google-gmail:read')
    expect(await statusOf(MESSAGES, token)).toBe(200)
    expect(refreshes().every(({ status }) => status === 200)).toBe(true)
    const reseals = await proxy.audit({ action: 'secret.reseal', limit: 500 })
    expect(reseals.length).toBe(refreshes().length)
    const printed = proxy.serves.map(({ output }) => output.stderr + output.stdout).join('')
    expect(printed).not.toContain(refreshToken)
    expect(JSON.stringify(reseals)).not.toContain(refreshToken)
  })
})

describe('secret status', () => {
  const status = async (): Promise<readonly SecretSource[]> => {
    const shown = await proxy.commandWell(['secret', 'status', 'google-gmail', '--json'])
    for (const value of [server.clientSecret, 'canary-refused']) expect(shown).not.toContain(value)
    return (JSON.parse(shown) as { items: readonly SecretSource[] }).items
  }
  const tokenOf = (items: readonly SecretSource[]) =>
    items.find(({ process }) => process === 'tokens')

  it('shows the token that all workers have: when it ends, and when another one is asked for', async () => {
    const token = await proxy.issue('google-gmail:read')
    expect(await statusOf(MESSAGES, token)).toBe(200)
    const items = await status()
    expect(items.map(({ process }) => process)).toEqual(['worker-1', 'worker-2', 'tokens'])
    const { version, fetchedAt = 0, refreshAt = 0, expiresAt = 0, lastError } = tokenOf(items) ?? {}
    expect(version).toMatch(/^v\d+\.\d+$/)
    expect([fetchedAt < refreshAt, refreshAt < expiresAt, lastError]).toEqual([
      true,
      true,
      undefined,
    ])
  })

  it('says that a refresh token is refused, and shows no part of it', async () => {
    const user = { client_id: CLIENT_ID, client_secret: server.clientSecret }
    const refused = JSON.stringify({ ...user, refresh_token: 'canary-refused' })
    await proxy.commandWell(['secret', 'set', 'google-gmail'], refused)
    const token = await proxy.issue('google-gmail:read')
    expect(await statusOf(MESSAGES, token)).toBe(503)
    const { lastError, version } = tokenOf(await status()) ?? {}
    expect(lastError?.problem).toContain('the token endpoint says invalid_grant')
    expect(version).toBeUndefined()
    const table = await proxy.commandWell(['secret', 'status'])
    expect(table).toMatch(/google-gmail +vault:google-gmail +tokens .*invalid_grant/)
  })
})

describe('an installation token', () => {
  it("is minted from an app's key, which goes to nobody", async () => {
    const token = await proxy.issue('github:read')
    expect(await statusOf('/github/user', token)).toBe(200)
    expect(await statusOf('/github/user', token)).toBe(200)
    const minted = github.requests.filter(({ target }) => target.startsWith('/app/'))
    expect(minted.map(({ target }) => target)).toEqual(['/app/installations/42/access_tokens'])
    expect(github.count('PRIVATE KEY')).toBe(0)
  })
})
