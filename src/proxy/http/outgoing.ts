/** The head that leaves for the upstream: what was judged, plus the credential, and nothing else. */

import { ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Operation } from '../../catalog/catalog.ts'
import { injectCredential } from '../../injection/inject.ts'
import type { HeaderPair, InjectionProblem, Outgoing } from '../../injection/outgoing.ts'
import type { Credential } from '../../secret/credential-source.ts'
import type { UpstreamRequest } from '../upstream/upstream.ts'
import { authorityOf } from './destination.ts'
import type { HeaderList } from './headers.ts'

export interface Leaving {
  readonly operation: Operation
  readonly headers: HeaderList
  readonly credential: Credential | undefined
}

/** Writes the head; a service whose rules cannot place the credential sends nothing. */
export function outgoingHead({
  operation,
  headers,
  credential,
}: Leaving): Result<Omit<UpstreamRequest, 'body' | 'upgrade'>, InjectionProblem> {
  const { service, host, method, target } = operation
  const plain: Outgoing = { headers: pairsOf(headers), path: target.path, query: target.query }
  const injected = credential
    ? injectCredential({ service, host, credential }, plain)
    : ok<Outgoing>(plain)
  if (!injected.ok) return injected
  const { path, query } = injected.value
  const lines = ['Host', authorityOf(service, host)]
  for (const [name, value] of injected.value.headers) lines.push(name, value)
  return ok({ method, path: query === undefined ? path : `${path}?${query}`, headers: lines })
}

function pairsOf({ fields, spelling }: HeaderList): HeaderPair[] {
  return fields.map(([name, value], index) => [spelling[index] ?? name, value])
}
