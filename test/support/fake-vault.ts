/**
 * A server that answers as HashiCorp Vault does where the proxy asks it: KV of both versions, three
 * auth methods, namespaces, leases, and policies as path prefixes. It forgives nothing.
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { LOOPBACK_NAMES, type Authority } from './pki.ts'

interface Token {
  readonly id: string
  expiresAt: number
  readonly ttlSeconds: number
  readonly maxExpiresAt: number
}

interface VaultLease {
  readonly id: string
  readonly token: string
  readonly values: Readonly<Record<string, string>>
  expiresAt: number
  readonly maxExpiresAt: number
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface FakeVaultOptions {
  readonly authority?: Authority
  readonly namespace?: string
  /** Life of a token from a login. */
  readonly tokenSeconds?: number
  readonly leaseSeconds?: number
  /** No renewal goes beyond this. */
  readonly maxLeaseSeconds?: number
}

export interface FakeVault {
  readonly url: string
  readonly rootToken: string
  readonly roleId: string
  secretId: string
  /** The service account's token that the kubernetes login accepts. */
  jwt: string
  /** `METHOD path` of each request that reached it. */
  readonly requests: string[]
  readonly leases: ReadonlyMap<string, VaultLease>
  readonly revoked: readonly string[]
  readonly liveTokens: () => number
  /** Answers instead, where it gives something; may take its time. */
  fault: ((request: string) => Answer | undefined | Promise<Answer | undefined>) | undefined
  /** Writes a new version; gives its number. */
  putV2(path: string, values: Readonly<Record<string, unknown>>): number
  deleteV2(path: string): void
  putV1(path: string, values: Readonly<Record<string, unknown>>): void
  dropTokens(): void
  close(): Promise<void>
}

const MOUNTS = { v2: 'secret', v1: 'kv', dynamic: 'database' } as const
const REFUSED: Answer = { status: 403, body: { errors: ['permission denied'] } }
const NOTHING: Answer = { status: 404, body: { errors: [] } }

interface Asked {
  readonly method: string
  readonly path: string
  readonly token: Token | undefined
  readonly body: Readonly<Record<string, unknown>>
}

export async function startFakeVault(options: FakeVaultOptions = {}): Promise<FakeVault> {
  const { authority, namespace, tokenSeconds = 3600 } = options
  const { leaseSeconds = 3600, maxLeaseSeconds = 86_400 } = options
  const tokens = new Map<string, Token>()
  const leases = new Map<string, VaultLease>()
  const versions = new Map<string, { values: Readonly<Record<string, unknown>> | undefined }[]>()
  const plain = new Map<string, Readonly<Record<string, unknown>>>()
  const requests: string[] = []
  const revoked: string[] = []

  const mint = (seconds: number): Token => {
    const id = `hvs.${randomBytes(16).toString('hex')}`
    const expiresAt = seconds === 0 ? Infinity : Date.now() + seconds * 1000
    const token = { id, expiresAt, ttlSeconds: seconds, maxExpiresAt: Infinity }
    tokens.set(id, token)
    return token
  }
  const root = mint(0)

  const login = (isGood: boolean): Answer => {
    if (!isGood) return { status: 400, body: { errors: ['invalid role or secret ID'] } }
    const token = mint(tokenSeconds)
    const auth = { client_token: token.id, lease_duration: tokenSeconds, renewable: true }
    return { status: 200, body: { auth } }
  }

  const revoke = (id: string): Answer => {
    leases.delete(id)
    revoked.push(id)
    return { status: 204 }
  }

  const self: Readonly<Record<string, (asked: Asked, token: Token) => Answer>> = {
    'GET auth/token/lookup-self': (_asked, token) => {
      const ttl =
        token.expiresAt === Infinity ? 0 : Math.ceil((token.expiresAt - Date.now()) / 1000)
      return { status: 200, body: { data: { ttl, renewable: token.ttlSeconds > 0 } } }
    },
    'POST auth/token/renew-self': (_asked, token) => {
      token.expiresAt = Date.now() + token.ttlSeconds * 1000
      const auth = { client_token: token.id, lease_duration: token.ttlSeconds, renewable: true }
      return { status: 200, body: { auth } }
    },
    'POST auth/token/revoke-self': (_asked, token) => {
      tokens.delete(token.id)
      for (const lease of leases.values()) if (lease.token === token.id) revoke(lease.id)
      return { status: 204 }
    },
    'POST sys/leases/renew': ({ body }) => {
      const lease = leases.get(String(body['lease_id']))
      if (!lease || lease.expiresAt <= Date.now())
        return { status: 400, body: { errors: ['lease not found'] } }
      const wanted = Date.now() + Number(body['increment']) * 1000
      lease.expiresAt = Math.min(wanted, lease.maxExpiresAt)
      const seconds = Math.floor((lease.expiresAt - Date.now()) / 1000)
      return {
        status: 200,
        body: { lease_id: lease.id, lease_duration: seconds, renewable: true },
      }
    },
    'POST sys/leases/revoke': ({ body }) => revoke(String(body['lease_id'])),
  }

  const readV2 = (path: string): Answer => {
    const [kind, ...rest] = path.split('/').slice(1)
    if (kind !== 'data') {
      const warnings = ['Invalid path for a versioned K/V secrets engine. See the API docs.']
      return { status: 404, body: { warnings } }
    }
    const history = versions.get(rest.join('/'))
    const values = history?.at(-1)?.values
    if (!history || !values) return NOTHING
    const metadata = { version: history.length, destroyed: false }
    return { status: 200, body: { lease_id: '', data: { data: values, metadata } } }
  }

  const lend = (path: string, token: Token): Answer => {
    const id = `${path}/${randomBytes(8).toString('hex')}`
    const values = {
      username: `v-${randomBytes(4).toString('hex')}`,
      password: randomBytes(16).toString('hex'),
    }
    const now = Date.now()
    const times = {
      expiresAt: now + leaseSeconds * 1000,
      maxExpiresAt: now + maxLeaseSeconds * 1000,
    }
    leases.set(id, { id, token: token.id, values, ...times })
    const lease = { lease_id: id, lease_duration: leaseSeconds, renewable: true }
    return { status: 200, body: { ...lease, data: values } }
  }

  const read = (path: string, token: Token): Answer => {
    const [mount] = path.split('/')
    if (path.includes('/forbidden')) return REFUSED
    if (mount === MOUNTS.v2) return readV2(path)
    if (mount === MOUNTS.dynamic) return lend(path, token)
    const values = plain.get(path)
    // As the server does: a hint of how long to use it, and no lease.
    return values
      ? { status: 200, body: { lease_id: '', lease_duration: 2_764_800, data: values } }
      : NOTHING
  }

  const answer = ({ method, path, token, body }: Asked): Answer => {
    if (path === 'auth/approle/login')
      return login(body['role_id'] === vault.roleId && body['secret_id'] === vault.secretId)
    if (path === 'auth/kubernetes/login')
      return login(body['role'] === 'proxy' && body['jwt'] === vault.jwt)
    if (!token || token.expiresAt <= Date.now()) return REFUSED
    const own = self[`${method} ${path}`]
    if (own) return own({ method, path, token, body }, token)
    return method === 'GET' ? read(path, token) : { status: 405 }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? ''
    const path = (request.url ?? '').replace(/^\/v1\//, '')
    const line = `${method} ${path}`
    const given = await text(request)
    requests.push(line)
    const isHere = request.headers['x-vault-namespace'] === namespace
    const token = tokens.get(String(request.headers['x-vault-token']))
    const body = (given === '' ? {} : JSON.parse(given)) as Record<string, unknown>
    const {
      status,
      headers,
      body: said,
    } = (await vault.fault?.(line)) ?? (isHere ? answer({ method, path, token, body }) : REFUSED)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(said === undefined ? '' : JSON.stringify(said))
  }

  const listen = (request: IncomingMessage, response: ServerResponse) =>
    void respond(request, response)
  const server = authority
    ? createSecureServer(authority.issue({ names: LOOPBACK_NAMES }), listen)
    : createServer(listen)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one

  const vault: FakeVault = {
    url: `${authority ? 'https' : 'http'}://127.0.0.1:${port}`,
    rootToken: root.id,
    roleId: 'role-of-the-proxy',
    secretId: 'secret-id-1',
    jwt: 'jwt-1',
    ...{ requests, leases, revoked, fault: undefined },
    liveTokens: () => tokens.size - 1,
    putV2(path, values) {
      const history = versions.get(path) ?? []
      versions.set(path, [...history, { values }])
      return history.length + 1
    },
    deleteV2(path) {
      const history = versions.get(path) ?? []
      versions.set(path, [...history.slice(0, -1), { values: undefined }])
    },
    putV1(path, values) {
      plain.set(path, values)
    },
    dropTokens() {
      for (const id of tokens.keys()) if (id !== root.id) tokens.delete(id)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return vault
}
