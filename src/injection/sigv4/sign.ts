/** Signs the head that leaves for AWS with the real key. */

import { err, ok, type Result } from '../../base/result.ts'
import type { HeaderPair, InjectionProblem, Outgoing } from '../outgoing.ts'
import type { Fields } from '../template.ts'
import {
  ALGORITHM,
  canonicalRequest,
  formatTime,
  scopeText,
  signatureOf,
  signingKey,
  stringToSign,
  type SigningScope,
} from './canonical.ts'
import type { Payload } from './payload.ts'

export interface Signing {
  readonly method: string
  /** The Host field that leaves. */
  readonly authority: string
  readonly region: string
  readonly service: string
  readonly payload: Payload
  /** Epoch ms. */
  readonly now: number
}

/** What the first chunk of a signed body goes on from. */
export interface Signed {
  readonly outgoing: Outgoing
  readonly key: Buffer
  readonly scope: SigningScope
  readonly time: string
  readonly signature: string
}

/** Fields of the credential: `access_key_id`, `secret_access_key`, perhaps `session_token`. */
export function signHead(
  outgoing: Outgoing,
  fields: Fields,
  { method, authority, region, service, payload, now }: Signing,
): Result<Signed, InjectionProblem> {
  const keyId = fields.get('access_key_id')?.reveal()
  const secret = fields.get('secret_access_key')?.reveal()
  if (keyId === undefined) return err({ reason: 'field_missing', field: 'access_key_id' })
  if (secret === undefined) return err({ reason: 'field_missing', field: 'secret_access_key' })
  const token = fields.get('session_token')?.reveal()
  if (!/^\w+$/.test(keyId) || (token !== undefined && !/^[!-~]+$/.test(token)))
    return err({ reason: 'value_unusable', place: 'header authorization' })
  const time = formatTime(now)
  const scope = { day: time.slice(0, 8), region, service }
  const headers: HeaderPair[] = [
    ...outgoing.headers.filter(([name]) => !OURS.has(name.toLowerCase())),
    ['X-Amz-Date', time],
    ['X-Amz-Content-Sha256', payload.text],
    ...(token === undefined ? [] : [['X-Amz-Security-Token', token] as const]),
  ]
  const named = [['host', authority] as const, ...headers.map(lowered)]
  const signedHeaders = [...new Set(named.map(([name]) => name).filter(isSigned))].sort()
  const { path, query } = outgoing
  const canonical = canonicalRequest({
    ...{ method, path, query, headers: named, signedHeaders },
    payload: payload.text,
    isS3: service === 's3',
  })
  const key = keyFor(fields, secret, scope)
  const signature = signatureOf(key, stringToSign(time, scope, canonical))
  const value = `${ALGORITHM} Credential=${keyId}/${scopeText(scope)}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
  headers.push(['Authorization', value])
  return ok({ outgoing: { headers, path, query }, key, scope, time, signature })
}

/** Whatever a client said in these places, ours stands there. */
const OURS = new Set([
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
])

const lowered = ([name, value]: HeaderPair): HeaderPair => [name.toLowerCase(), value]

/** What proxies on the way may change is left out. */
function isSigned(name: string): boolean {
  return name === 'host' || name.startsWith('x-amz-') || name.startsWith('content-')
}

/** A key lives for a day, and a credential signs many requests in it. */
const keys = new WeakMap<Fields, Map<string, Buffer>>()
const MAX_KEYS = 64

function keyFor(fields: Fields, secret: string, scope: SigningScope): Buffer {
  const known = keys.get(fields) ?? new Map<string, Buffer>()
  if (known.size >= MAX_KEYS) known.clear()
  const name = scopeText(scope)
  const key = known.get(name) ?? signingKey(secret, scope)
  keys.set(fields, known.set(name, key))
  return key
}
