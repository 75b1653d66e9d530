/**
 * Finds the phantom token in a request: in every place where some service's clients put a key.
 *
 * Exactly one, or a refusal: which of two the proxy took would otherwise be the attacker's choice
 * (TK-08). A token in the URL is refused wherever no service declared a slot for it (TK-10).
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Refusal } from '../../policy/refusal.ts'
import { looksLikeRealCredential } from '../../secret/looks-real.ts'
import type { Presented } from '../recognise.ts'
import type { WireRequest } from '../wire/message.ts'
import { PHANTOM_HEADER } from './accept.ts'
import type { AcceptIndex } from './accept.ts'
import { classify, readCandidates, SIGNATURE } from './candidate.ts'
import type { Candidate } from './candidate.ts'
import { findInTarget } from './slot.ts'
import type { TargetSlot } from './slot.ts'

export interface FoundToken {
  readonly presented: Presented
  /** The target without the token, where it stood in a declared slot; else as received. */
  readonly target: string
  /** Another token of ours stands in the target, where none belongs. */
  readonly isInUrl: boolean
  /** Where something stands that looks like a real key of a vendor. */
  readonly realCredentialPlace: string | undefined
}

type HeadOfRequest = Pick<WireRequest, 'fields' | 'target'>

/** Finds the one token of a request. */
export function findToken(request: HeadOfRequest, index: AcceptIndex): Result<FoundToken, Refusal> {
  const candidates = readFields(request, index)
  const slot = findInTarget(request.target, index)
  if (slot.kind === 'declared') candidates.push(slotCandidate(slot))
  const first = candidates.find((candidate) => candidate.isOurs)
  const isInUrl = slot.kind === 'stray'
  if (!first) return err(isInUrl ? { reason: 'token_in_url' } : refuseWithout(candidates))
  const rival = findRival(candidates, first.presented)
  if (rival !== undefined) return err({ reason: 'two_tokens', places: [first.place, rival.place] })
  return ok({
    presented: first.presented,
    target: slot.kind === 'declared' ? slot.target : request.target,
    isInUrl,
    realCredentialPlace: findReal(candidates),
  })
}

function readFields({ fields }: HeadOfRequest, index: AcceptIndex): Candidate[] {
  const candidates: Candidate[] = []
  for (const [name, value] of fields) {
    if (index.headers.has(name)) candidates.push(...readCandidates(name, value, index.prefixes))
    else if (name === 'sec-websocket-protocol') candidates.push(...readProtocols(value, index))
  }
  return candidates
}

function readProtocols(value: string, index: AcceptIndex): Candidate[] {
  return value.split(',').flatMap((item) => {
    const protocol = item.trim()
    const prefix = index.protocolPrefixes.find((known) => protocol.startsWith(known))
    if (prefix === undefined) return []
    return [classify('sec-websocket-protocol', protocol.slice(prefix.length), index.prefixes)]
  })
}

function slotCandidate({ place, token }: TargetSlot): Candidate {
  return {
    place,
    isOurs: true,
    presented: { text: token, form: token.includes('.') ? 'jwt' : 'opaque' },
  }
}

/**
 * Something that contradicts the token: a different one, or any other credential beside it. Only
 * the proxy's own header leaves the vendor's places to whatever dummy an SDK insists on.
 */
function findRival(candidates: readonly Candidate[], presented: Presented): Candidate | undefined {
  const isAlone = !candidates.some(({ place }) => place === PHANTOM_HEADER)
  return candidates.find((candidate) =>
    candidate.isOurs
      ? candidate.presented.text !== presented.text
      : isAlone &&
        !isDummyOfSession(candidate, candidates) &&
        looksLikeRealCredential(candidate.text) === undefined,
  )
}

/** With the token as a session token, the key id beside it says nothing; the token is the secret. */
function isDummyOfSession({ place }: Candidate, candidates: readonly Candidate[]): boolean {
  return place === SIGNATURE && candidates.some((one) => one.isOurs && one.place === SESSION_TOKEN)
}

const SESSION_TOKEN = 'x-amz-security-token'

function findReal(candidates: readonly Candidate[]): string | undefined {
  return candidates.find(
    (candidate) => !candidate.isOurs && looksLikeRealCredential(candidate.text) !== undefined,
  )?.place
}

function refuseWithout(candidates: readonly Candidate[]): Refusal {
  const place = findReal(candidates)
  if (place !== undefined) return { reason: 'real_credential_presented', place }
  return { reason: candidates.length > 0 ? 'token_malformed' : 'token_missing' }
}
