/**
 * Tokens and keys where none belongs: an agent that writes its token or somebody's real key into a
 * URL, a header or a body carries it out of the house. Such a request gets marks in its record.
 */

import type { Service } from '../../catalog/service.ts'
import { carriesRealCredential, holdsLongRun } from '../../secret/carried.ts'
import type { Credential } from '../../secret/credential-source.ts'
import type { Secret } from '../../secret/secret.ts'
import { holdsStoredValue } from '../../secret/stored-value.ts'
import type { HeaderField, WireRequest } from '../wire/message.ts'
import type { AcceptIndex } from './accept.ts'
import { findEmbedded, holdsBasicToken } from './candidate.ts'
import { decodeUnreserved } from './slot.ts'

type Place = 'url' | 'header' | 'body'

export type Marks = readonly string[]

/** What a request is to be given, once it was admitted. */
export interface Injected {
  readonly service: Pick<Service, 'credentialForms'>
  readonly credential: Credential | undefined
}

/** So much of a body is looked at. */
export const WATCHED_BYTES = 64 * 1024

export const NO_MARKS: Marks = []

/** The target without a token that stood in its declared slot. */
export function marksOfTarget(target: string): Marks {
  return marksIn('url', target.includes('%') ? decodeUnreserved(target) : target)
}

/** All headers but those in which tokens may stand: what those hold is judged, not marked. */
export function marksOfHeaders(fields: readonly HeaderField[], { headers }: AcceptIndex): Marks {
  let marks = NO_MARKS
  for (const [name, value] of fields) {
    if (!holdsLongRun(value) || headers.has(name) || name === 'sec-websocket-protocol') continue
    marks = joinMarks(marks, marksIn('header', value))
    if (holdsBasicToken(value)) marks = joinMarks(marks, ['phantom_in_header'])
  }
  return marks
}

/** The beginning of a body, one that is compressed aside. */
export function marksOfBody(bytes: Buffer): Marks {
  return marksIn('body', bytes.toString('latin1', 0, WATCHED_BYTES))
}

/** What a request deserves that brings along the very credential which it is to be given. */
export function marksOfInjected(
  { target, fields }: Pick<WireRequest, 'target' | 'fields'>,
  body: Buffer | undefined,
  injected: Injected,
): Marks {
  const secrets = secretsOf(injected)
  const marks: string[] = []
  const url = target.includes('%') ? decodeUnreserved(target) : target
  if (holdsAny(url, secrets)) marks.push('credential_in_url')
  if (fields.some(([, value]) => holdsAny(value, secrets))) marks.push('credential_in_header')
  if (body && holdsAny(body.subarray(0, WATCHED_BYTES), secrets)) marks.push('credential_in_body')
  return marks
}

export function marksOfInjectedBody(bytes: Buffer, injected: Injected): Marks {
  return holdsAny(bytes, secretsOf(injected)) ? ['credential_in_body'] : NO_MARKS
}

const secretsByCredential = new WeakMap<Credential, readonly Secret[]>()
const NO_SECRETS: readonly Secret[] = []

/** The fields of a credential that are no secret stand in many an honest request. The same list each time. */
export function secretsOf({ service, credential }: Injected): readonly Secret[] {
  if (!credential) return NO_SECRETS
  let secrets = secretsByCredential.get(credential)
  if (!secrets) {
    secrets = collectSecrets(service, credential)
    secretsByCredential.set(credential, secrets)
  }
  return secrets
}

function collectSecrets(service: Injected['service'], credential: Credential): readonly Secret[] {
  const secrets = new Set<Secret>()
  // What was minted has this name, whatever the stored fields are called.
  const own = credential.fields.get('secret')
  if (own) secrets.add(own)
  for (const { fields } of service.credentialForms)
    for (const { name, secret: isSecret } of fields) {
      const secret = isSecret ? credential.fields.get(name) : undefined
      if (secret) secrets.add(secret)
    }
  return [...secrets]
}

function holdsAny(text: string | Buffer, secrets: readonly Secret[]): boolean {
  return secrets.some((secret) => holdsStoredValue(text, secret))
}

export function joinMarks(marks: Marks, more: Marks): Marks {
  if (more.length === 0) return marks
  return marks.length === 0 ? more : [...new Set([...marks, ...more])]
}

function marksIn(place: Place, text: string): Marks {
  if (!holdsLongRun(text)) return NO_MARKS
  const marks: string[] = []
  if (findEmbedded(text) !== undefined) marks.push(`phantom_in_${place}`)
  if (carriesRealCredential(text)) marks.push(`credential_in_${place}`)
  return marks
}
