/**
 * The HTTP API of HashiCorp Vault and OpenBao, as far as it is needed here: a question with a
 * token, and what its refusals mean. What the server says in words is never passed on.
 */

import type { Ask, Reply } from '../../base/ask.ts'
import type { Now } from '../../base/clock.ts'
import { Failure } from '../../base/errors.ts'
import type { Secret } from '../../secret/secret.ts'
import { retryAfterOf } from '../rest.ts'

export interface VaultPlace {
  /** `https://host:port`, perhaps with a path before `/v1/`. */
  readonly address: URL
  readonly namespace: string | undefined
  /** PEM certificates to trust instead of the public roots. */
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
}

export interface VaultQuestion {
  readonly method: 'GET' | 'POST'
  /** Below `/v1/`. */
  readonly path: string
  /** Absent: a login. */
  readonly token?: Secret
  /** Members that are secrets are revealed only on the wire. */
  readonly body?: Readonly<Record<string, string | number | Secret>>
}

export interface VaultReply {
  readonly status: number
  /** Undefined where it is no JSON. */
  readonly body: unknown
}

/**
 * Answers with 200, 204, 400, 403 or 404, for the asker to judge; throws `secret_store_unavailable`
 * for everything else.
 */
export type VaultClient = (question: VaultQuestion) => Promise<VaultReply>

const JUDGED = new Set([200, 204, 400, 403, 404])

export function createVaultClient(place: VaultPlace, ask: Ask, now: Now): VaultClient {
  return async ({ method, path, token, body }) => {
    const reply = await reach(ask, {
      method,
      url: urlOf(place.address, path),
      headers: headersOf(place, token, body !== undefined),
      body: body && JSON.stringify(body, revealed),
      ca: place.ca,
      allowPrivateAddress: place.allowPrivateAddress,
    })
    if (!JUDGED.has(reply.status)) throw unavailable(reply, now())
    return { status: reply.status, body: parseJson(reply.body) }
  }
}

function urlOf(address: URL, path: string): URL {
  const base = address.href.endsWith('/') ? address.href : `${address.href}/`
  return new URL(`v1/${path}`, base)
}

function headersOf(
  { namespace }: VaultPlace,
  token: Secret | undefined,
  hasBody: boolean,
): Record<string, string> {
  return {
    'x-vault-request': 'true',
    ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    ...(token && { 'x-vault-token': token.reveal() }),
    ...(hasBody && { 'content-type': 'application/json' }),
  }
}

/** `toJSON` has hidden the secret when a replacer sees it, so it looks at the holder. */
function revealed(this: unknown, key: string, value: unknown): unknown {
  const member: unknown = typeof this === 'object' && this !== null && Reflect.get(this, key)
  return isSecret(member) ? member.reveal() : value
}

function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && 'reveal' in value
}

async function reach(ask: Ask, question: Parameters<Ask>[0]): Promise<Reply> {
  try {
    return await ask(question)
  } catch (cause) {
    const why = cause instanceof Failure ? cause.message : 'no connection'
    const where = question.url.host
    throw new Failure(
      'secret_store_unavailable',
      `${where} cannot be asked: ${why} (see stores.hashicorp)`,
      { cause },
    )
  }
}

function unavailable({ status, headers }: Reply, now: number): Failure {
  const rest = retryAfterOf(headers, now)
  return new Failure(
    'secret_store_unavailable',
    `it answered ${status}: ${meaningOf(status)}`,
    rest,
  )
}

function meaningOf(status: number): string {
  if (status === 429) return 'too many requests for its quota'
  if (status === 503) return 'it is sealed or in maintenance'
  if (status >= 300 && status < 400)
    return 'it redirects; set stores.hashicorp.address to the active node or the load balancer'
  if (status >= 500) return 'it has trouble of its own'
  return 'this is not understood; is stores.hashicorp.address a Vault?'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
