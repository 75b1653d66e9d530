/**
 * Tokens and keys where none belongs: an agent that writes its token or somebody's real key into a
 * URL, a header or a body carries it out of the house. Such a request gets marks in its record.
 */

import type { Service } from '../../catalog/service.ts'
import { carriesRealCredential, holdsLongRun } from '../../secret/carried.ts'
import type { Credential } from '../../secret/credential-source.ts'
import { secretFieldsOf } from '../../secret/secret-fields.ts'
import type { Secret } from '../../secret/secret.ts'
import { holdsStoredValue } from '../../secret/stored-value.ts'
import { ValueSearch } from '../../secret/value-search.ts'
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

/** The values that are looked for. */
export interface Looked {
  readonly stored: ValueSearch
  /** A credential that may not be among them; absent: nobody knows yet which it is. */
  readonly injected?: Injected
}

export const NO_MARKS: Marks = []

export const NOTHING_STORED = new ValueSearch([])

/** The target without a token that stood in its declared slot. */
export function marksOfTarget(target: string, stored: ValueSearch): Marks {
  return marksIn('url', target.includes('%') ? decodeUnreserved(target) : target, stored)
}

/** Where tokens may stand, what has only the look of one is judged, not marked. */
export function marksOfHeaders(
  fields: readonly HeaderField[],
  { headers }: AcceptIndex,
  stored: ValueSearch,
): Marks {
  let marks = NO_MARKS
  for (const [name, value] of fields) {
    if (stored.isIn(value)) marks = joinMarks(marks, ['credential_in_header'])
    if (!holdsLongRun(value) || headers.has(name) || name === 'sec-websocket-protocol') continue
    marks = joinMarks(marks, marksIn('header', value, NOTHING_STORED))
    if (holdsBasicToken(value)) marks = joinMarks(marks, ['phantom_in_header'])
  }
  return marks
}

/** Of a body, or a part of one: a character for each byte. */
export function marksOfBodyText(text: string, { stored, injected }: Looked): Marks {
  const marks = marksIn('body', text, stored)
  const unknown = injected ? secretsOf(injected).filter((secret) => !stored.covers(secret)) : []
  return holdsAny(text, unknown) ? joinMarks(marks, ['credential_in_body']) : marks
}

/** What a request deserves that brings along the very credential which it is to be given. */
export function marksOfInjected(
  { target, fields }: Pick<WireRequest, 'target' | 'fields'>,
  body: Buffer | undefined,
  { injected, stored }: Required<Looked>,
): Marks {
  const secrets = secretsOf(injected)
  if (secrets.every((secret) => stored.covers(secret))) return NO_MARKS
  const marks: string[] = []
  const url = target.includes('%') ? decodeUnreserved(target) : target
  if (holdsAny(url, secrets)) marks.push('credential_in_url')
  if (fields.some(([, value]) => holdsAny(value, secrets))) marks.push('credential_in_header')
  if (body && holdsAny(body, secrets)) marks.push('credential_in_body')
  return marks
}

const secretsByCredential = new WeakMap<Credential, readonly Secret[]>()
const NO_SECRETS: readonly Secret[] = []

/** The fields of a credential that are no secret stand in many an honest request. The same list each time. */
export function secretsOf({ service, credential }: Injected): readonly Secret[] {
  if (!credential) return NO_SECRETS
  let secrets = secretsByCredential.get(credential)
  if (!secrets) {
    secrets = secretFieldsOf(credential.fields, service.credentialForms)
    secretsByCredential.set(credential, secrets)
  }
  return secrets
}

function holdsAny(text: string | Buffer, secrets: readonly Secret[]): boolean {
  return secrets.some((secret) => holdsStoredValue(text, secret))
}

export function joinMarks(marks: Marks, more: Marks): Marks {
  if (more.length === 0) return marks
  return marks.length === 0 ? more : [...new Set([...marks, ...more])]
}

function marksIn(place: Place, text: string, stored: ValueSearch): Marks {
  const mayHoldKey = holdsLongRun(text)
  const isStored = stored.isIn(text)
  if (!mayHoldKey && !isStored) return NO_MARKS
  const marks: string[] = []
  if (mayHoldKey && findEmbedded(text) !== undefined) marks.push(`phantom_in_${place}`)
  if (isStored || carriesRealCredential(text)) marks.push(`credential_in_${place}`)
  return marks
}
