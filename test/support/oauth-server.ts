/** A real OAuth 2 server (oidc-provider) over TLS, with a user who granted a client offline access. */

import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Provider, { type KoaContextWithOIDC } from 'oidc-provider'
import { createAuthority, LOOPBACK_NAMES, type Authority } from './pki.ts'

export const CLIENT_ID = 'stronghold-test'

export interface OAuthServer {
  /** `https://127.0.0.1:port`; the token endpoint is /token. */
  readonly origin: string
  readonly ca: string
  readonly clientSecret: string
  /** `grant_type` of each token request, and what was answered. */
  readonly grants: readonly { readonly type: string; readonly status: number }[]
  /** A refresh token that works until it is exchanged for the next one. */
  issueRefreshToken(): Promise<string>
  isValid(accessToken: string): Promise<boolean>
  close(): Promise<void>
}

export interface OAuthServerOptions {
  readonly authority?: Authority
  readonly accessTokenSeconds?: number
}

export async function startOAuthServer({
  authority = createAuthority(),
  accessTokenSeconds = 3600,
}: OAuthServerOptions = {}): Promise<OAuthServer> {
  const server = createServer(authority.issue({ names: LOOPBACK_NAMES }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  const origin = `https://127.0.0.1:${port}`
  const clientSecret = 'a-secret-of-the-client-0123456789'
  const grants: { type: string; status: number }[] = []
  const provider = new Provider(origin, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        redirect_uris: ['https://client.example/back'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    scopes: ['openid', 'offline_access', 'mail'],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    rotateRefreshToken: true,
    ttl: {
      ...{ AccessToken: accessTokenSeconds, ClientCredentials: accessTokenSeconds },
      ...{ Grant: 86_400, RefreshToken: 86_400, IdToken: 60 },
    },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ['only-in-tests'] },
  })
  provider.use(async (context, next) => {
    await next()
    const { params } = (context as KoaContextWithOIDC).oidc
    const type = params?.['grant_type']
    if (context.path === '/token' && typeof type === 'string')
      grants.push({ type, status: context.status })
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    void answer(request, response)
  })

  return {
    origin,
    ca: authority.certificate,
    clientSecret,
    grants,
    async issueRefreshToken() {
      const grant = new provider.Grant({ accountId: 'user-1', clientId: CLIENT_ID })
      grant.addOIDCScope('openid offline_access mail')
      const grantId = await grant.save()
      const client = await provider.Client.find(CLIENT_ID)
      if (!client) throw new Error('the client is configured above')
      const token = new provider.RefreshToken({
        ...{ accountId: 'user-1', client, grantId, gty: 'authorization_code' },
        ...{ scope: 'openid offline_access mail', authTime: Math.floor(Date.now() / 1000) },
      })
      return token.save()
    },
    isValid: async (accessToken) => (await provider.AccessToken.find(accessToken)) !== undefined,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
