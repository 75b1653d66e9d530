/** The head that leaves for the upstream: what was judged, plus the credential, and nothing else. */

import { ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Operation } from '../../catalog/catalog.ts'
import { injectCredential } from '../../injection/inject.ts'
import type { HeaderPair, InjectionProblem, Outgoing } from '../../injection/outgoing.ts'
import type { Payload } from '../../injection/sigv4/payload.ts'
import { signHead, type Signed } from '../../injection/sigv4/sign.ts'
import type { Credential } from '../../secret/credential-source.ts'
import type { UpstreamRequest } from '../upstream/upstream.ts'
import { authorityOf } from './destination.ts'
import type { HeaderList } from './headers.ts'

export interface Leaving {
  readonly operation: Operation
  readonly headers: HeaderList
  readonly credential: Credential | undefined
  /** How the body is bound to a signature; undefined where nothing is signed. */
  readonly payload: Payload | undefined
  /** Epoch ms. */
  readonly now: number
}

export interface OutgoingHead {
  readonly head: Omit<UpstreamRequest, 'body' | 'upgrade'>
  /** What signed chunks go on from. */
  readonly signed: Signed | undefined
}

/** Writes the head; a service whose rules cannot place the credential sends nothing. */
export function outgoingHead(leaving: Leaving): Result<OutgoingHead, InjectionProblem> {
  const { operation } = leaving
  const authority = authorityOf(operation.service, operation.host)
  const { path, query } = operation.target
  const plain: Outgoing = { headers: pairsOf(leaving), path, query }
  const signed = signedHead(leaving, authority, plain)
  if (signed?.ok === false) return signed
  const injected = signed ? ok(signed.value.outgoing) : withCredential(leaving, plain)
  if (!injected.ok) return injected
  return ok({ head: write(operation.method, authority, injected.value), signed: signed?.value })
}

function write(method: string, authority: string, { path, query, headers }: Outgoing) {
  const lines = ['Host', authority]
  for (const [name, value] of headers) lines.push(name, value)
  return { method, path: query === undefined ? path : `${path}?${query}`, headers: lines }
}

function withCredential(
  { operation: { service, host }, credential }: Leaving,
  plain: Outgoing,
): Result<Outgoing, InjectionProblem> {
  return credential ? injectCredential({ service, host, credential }, plain) : ok(plain)
}

/** Undefined where the service takes no signature. */
function signedHead(
  { operation: { signing, method }, credential, payload, now }: Leaving,
  authority: string,
  plain: Outgoing,
): Result<Signed, InjectionProblem> | undefined {
  if (!signing || !credential || !payload) return undefined
  return signHead(plain, credential.fields, { method, authority, ...signing, payload, now })
}

function pairsOf(leaving: Leaving): HeaderPair[] {
  const { fields, spelling } = leaving.headers
  const pairs = fields.map(([name, value], index): HeaderPair => [spelling[index] ?? name, value])
  return mayEchoInParts(leaving) ? pairs.filter(([name]) => !/^(?:if-)?range$/i.test(name)) : pairs
}

/**
 * A signature gives its key away to nobody, but a session token goes with it. S3 itself answers a Range
 * with bytes of the object, and errors whole; of whatever an operator put in its place nobody knows.
 */
function mayEchoInParts({ operation: { signing, service }, credential }: Leaving): boolean {
  const isElsewhere = signing !== undefined && service.origin !== undefined
  return isElsewhere && credential?.fields.has('session_token') === true
}
