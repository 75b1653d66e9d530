/**
 * Requests that are signed (SigV4) instead of carrying a key: whether the signature is the one that
 * the holder of the phantom key pair makes over this very request.
 *
 * A body is bound to the head by its digest. Where the client sends none, the body is held to
 * compute it; where it sends one, the upstream checks it, since ours is signed with the same.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import {
  isSignature,
  parseAuthorization,
  type Authorization,
} from '../../injection/sigv4/authorization.ts'
import { sha256 } from '../../injection/sigv4/canonical.ts'
import type { ChunkChain } from '../../injection/sigv4/chunks.ts'
import { parsePayload, type Payload } from '../../injection/sigv4/payload.ts'
import { signatureProblem, verifySignature } from '../../injection/sigv4/verify.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { WireRequest } from '../wire/message.ts'
import type { HeldBody } from './facts.ts'
import { headerValue } from './headers.ts'

/** A verified signature, and how it binds the body. */
export interface SignedHead {
  readonly service: string
  readonly region: string
  readonly payload: Payload
  /** What the first chunk of a signed body follows. */
  readonly chain: ChunkChain
}

/** Reads the whole body; called only where its digest is not said. */
export type HoldBody = () => Promise<Result<HeldBody, Refusal | 'gone'>>

interface Signing {
  readonly authorization: Authorization
  /** Of the phantom key pair. */
  readonly secret: string
  /** Epoch ms. */
  readonly now: number
}

/** The signature of a request; undefined for one that has none that can be read. */
export function findSignature({ fields }: Pick<WireRequest, 'fields'>): Authorization | undefined {
  const value = headerValue(fields, 'authorization')
  return value !== undefined && isSignature(value) ? parseAuthorization(value) : undefined
}

/** Verifies it over the request as it was received. */
export async function verifyRequest(
  request: WireRequest,
  { authorization, secret, now }: Signing,
  hold: HoldBody,
): Promise<Result<SignedHead, Refusal | 'gone'>> {
  const { method, target, fields: headers } = request
  // First what needs no body: nothing is held for a signature that cannot be right.
  const problem = signatureProblem({ headers, authorization }, now)
  if (problem !== undefined) return err({ reason: 'signature_invalid', problem })
  const payload = await payloadOf(request, hold)
  if (!payload.ok) return payload
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? undefined : target.slice(mark + 1)
  const { text } = payload.value
  const verified = verifySignature(
    { method, path, query, headers, payload: text, authorization },
    secret,
    now,
  )
  if (!verified.ok) return err({ reason: 'signature_invalid', problem: verified.error })
  const { scope, signature } = authorization
  const { service, region } = scope
  const chain = { ...verified.value, scope, signature }
  return ok({ service, region, payload: payload.value, chain })
}

/** A held body that is not the one whose digest was signed. */
export function refuseOther({ payload }: SignedHead, held: HeldBody): Refusal | undefined {
  switch (payload.kind) {
    case 'unsigned':
      return undefined
    case 'digest':
      return sha256(held.bytes) === payload.text
        ? undefined
        : { reason: 'signature_invalid', problem: 'the body is not the one that was signed' }
    case 'signed_chunks':
    case 'unsigned_chunks':
      return { reason: 'body_unreadable', problem: 'it comes in chunks of its own' }
  }
}

async function payloadOf(
  { fields, body }: WireRequest,
  hold: HoldBody,
): Promise<Result<Payload, Refusal | 'gone'>> {
  const [said, ...others] = fields.flatMap(([name, value]) =>
    name === 'x-amz-content-sha256' ? [value] : [],
  )
  if (others.length > 0)
    return err({ reason: 'signature_invalid', problem: 'it names two digests of its body' })
  if (said !== undefined) {
    const payload = parsePayload(said)
    return payload.ok ? payload : err({ reason: 'signature_unsupported', problem: payload.error })
  }
  if (!body.isPresent) return ok({ kind: 'digest', text: EMPTY })
  const held = await hold()
  return held.ok ? ok({ kind: 'digest', text: sha256(held.value.bytes) }) : held
}

const EMPTY = sha256(Buffer.alloc(0))
