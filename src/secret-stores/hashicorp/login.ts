/** How the proxy proves itself to the store: a token it is given, AppRole, or its Kubernetes account. */

import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../../base/errors.ts'
import { Secret } from '../../secret/secret.ts'
import type { VaultClient } from './client.ts'

/** Reads a reference now, so that what was rotated counts. */
export type ReadSecret = () => Promise<Secret | undefined>

export type VaultAuth =
  | { readonly method: 'token'; readonly readToken: ReadSecret }
  | {
      readonly method: 'approle'
      readonly mount: string
      readonly readRoleId: ReadSecret
      readonly readSecretId: ReadSecret
    }
  | {
      readonly method: 'kubernetes'
      readonly mount: string
      readonly role: string
      readonly jwtFile: string
    }

/** A token with what is known of its life. */
export interface Entered {
  readonly token: Secret
  /** Infinity: it has no end, or none that may be seen. */
  readonly ttlMs: number
  readonly isRenewable: boolean
  /** Whether this login made it, so that it may be revoked when it is not needed any more. */
  readonly isOwn: boolean
}

export interface Login {
  enter(): Promise<Entered>
  /** Whether a new login would give another token than this for a reason seen here. */
  isOutdated(token: Secret): Promise<boolean>
}

const authSchema = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number(),
    renewable: z.boolean(),
  }),
})
const lookupSchema = z.object({ data: z.object({ ttl: z.number(), renewable: z.boolean() }) })
const MAX_JWT_BYTES = 64 * 1024

export function createLogin(auth: VaultAuth, client: VaultClient): Login {
  if (auth.method === 'token') return givenToken(auth.readToken, client)
  return {
    enter: () =>
      auth.method === 'approle' ? enterAppRole(auth, client) : enterKubernetes(auth, client),
    isOutdated: async () => false,
  }
}

function givenToken(readToken: ReadSecret, client: VaultClient): Login {
  return {
    async enter() {
      const token = trimmed(await needed(readToken, 'stores.hashicorp.token'))
      const { status, body } = await client({
        method: 'GET',
        path: 'auth/token/lookup-self',
        token,
      })
      const known = lookupSchema.safeParse(body).data?.data
      // A policy may forbid the question and allow the work: the work will tell.
      if (status !== 200 || !known)
        return { token, ttlMs: Infinity, isRenewable: false, isOwn: false }
      const ttlMs = known.ttl === 0 ? Infinity : known.ttl * 1000
      return { token, ttlMs, isRenewable: known.renewable, isOwn: false }
    },
    async isOutdated(token) {
      const current = await readToken().catch(() => undefined)
      return current !== undefined && trimmed(current).reveal() !== token.reveal()
    },
  }
}

async function enterAppRole(
  auth: Extract<VaultAuth, { method: 'approle' }>,
  client: VaultClient,
): Promise<Entered> {
  const roleId = trimmed(await needed(auth.readRoleId, 'stores.hashicorp.role_id'))
  const secretId = trimmed(await needed(auth.readSecretId, 'stores.hashicorp.secret_id'))
  const path = `auth/${auth.mount}/login`
  const body = { role_id: roleId, secret_id: secretId }
  return enteredBy(await client({ method: 'POST', path, body }), path)
}

async function enterKubernetes(
  auth: Extract<VaultAuth, { method: 'kubernetes' }>,
  client: VaultClient,
): Promise<Entered> {
  const path = `auth/${auth.mount}/login`
  const body = { role: auth.role, jwt: await readJwt(auth.jwtFile) }
  return enteredBy(await client({ method: 'POST', path, body }), path)
}

/** The kubelet replaces it long before it ends, and gives it the mode that it likes. */
async function readJwt(path: string): Promise<Secret> {
  const problem = (what: string) =>
    new Failure('secret_store_unavailable', `stores.hashicorp.jwt_file: ${path} ${what}`)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw problem(`cannot be read: ${systemErrorCode(error) ?? 'no reason'}`)
  })
  if (text.trim() === '' || text.length > MAX_JWT_BYTES) throw problem('holds no token')
  return new Secret(text.trim())
}

function enteredBy({ status, body }: Awaited<ReturnType<VaultClient>>, path: string): Entered {
  const auth = status === 200 ? authSchema.safeParse(body).data?.auth : undefined
  if (!auth)
    throw new Failure(
      'secret_store_unavailable',
      `the login at ${path} was refused (${status}): check the role, what proves it, and the mount`,
    )
  return {
    token: new Secret(auth.client_token),
    ttlMs: auth.lease_duration === 0 ? Infinity : auth.lease_duration * 1000,
    isRenewable: auth.renewable,
    isOwn: true,
  }
}

async function needed(read: ReadSecret, setting: string): Promise<Secret> {
  const secret = await read()
  if (secret) return secret
  throw new Failure('secret_store_unavailable', `${setting} holds nothing`)
}

const trimmed = (secret: Secret): Secret => new Secret(secret.reveal().trim())
