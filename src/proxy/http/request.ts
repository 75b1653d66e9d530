/**
 * The base-URL door: one request along the road of eight steps, from what the wire parsed to an
 * answer. Here the steps stand in their order; each of them is a file of its own.
 */

import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Operation } from '../../catalog/catalog.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { Asked, ProofFacts, RejectedRequest, Rejection } from '../admission.ts'
import type { Exchange } from '../exchange.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import { findOperation, judgeRequest } from './access.ts'
import type { DescribeParameters, JudgedRequest } from './access.ts'
import { originOfDoor } from './door-address.ts'
import { marksOfHeld } from './body-marks.ts'
import type { Directory } from './directory.ts'
import { readFacts } from './facts.ts'
import type { Forwarder } from './forward.ts'
import type { Forwarding } from './forwarding.ts'
import { forwardable, without } from './headers.ts'
import type { HeaderList } from './headers.ts'
import { joinMarks, marksOfHeaders, marksOfInjected, marksOfTarget, NO_MARKS } from './marks.ts'
import type { Marks } from './marks.ts'
import { maskedFieldsOf } from './masked-answer.ts'
import { Passage, pathOf } from './passage.ts'
import { findToken } from './present.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'
import { findRoute } from './route.ts'
import type { Route } from './route.ts'
import {
  checkSignature,
  checksSignature,
  holderOf,
  type Authenticated,
  type SignatureParts,
} from './signature-check.ts'
import { findSignedOperation } from './signed-operation.ts'
import type { StoredValues } from './stored-values.ts'
import { isUpgradeRefused } from './upgrade.ts'

export interface DoorParts extends SignatureParts {
  readonly exchange: Exchange
  readonly forwarder: Forwarder
  readonly directory: () => Directory
  readonly describeParameters: DescribeParameters
  readonly storedValues: StoredValues
  readonly log: Log
}

/** A rejection; or `gone`, when nobody is there any more to be told. */
type Stop = Rejection | 'gone'

/** Builds the door: a function that answers each request, whatever happens on the way. */
export function createDoor(parts: DoorParts): (request: WireRequest, reply: WireReply) => void {
  return (request, reply) => {
    const passage = new Passage(request, reply, parts.directory())
    walk(parts, passage)
      .then((stop) => (stop ? turnAway(parts, passage, stop) : undefined))
      .catch((error: unknown) => {
        breakOff(parts, passage, error)
      })
  }
}

/** The road. Undefined when the request was forwarded; its last step is then the transfer's. */
async function walk(parts: DoorParts, passage: Passage): Promise<Stop | undefined> {
  const entered = await enter(parts, passage) // 1 head, 2 authenticate
  if (!entered.ok) return entered.error
  const { grant, presented } = entered.value
  const unsigned = checksSignature(passage, entered.value)
    ? await checkSignature(parts, passage, entered.value)
    : undefined
  if (unsigned) return stopFor(unsigned)
  const locating = locate(parts, passage, entered.value) // 3 route, 4 match
  const located = locating instanceof Promise ? await locating : locating
  if (!located.ok) return stopFor(located.error)
  const { operation, prefix } = located.value
  const headers = forwardable(passage.request, operation)
  const judged = await judge(parts, passage, { grant, operation, headers }) // 5 body
  if (!judged.ok) return stopFor(judged.error)
  const { access, parameters, stripHeaders } = judged.value
  const { request, reply, caller, directory, held, startedAt, stored, signed } = passage
  passage.parameters = parameters
  const { catalog } = directory
  const proof = grant.bindings.dpop === undefined ? undefined : proofOf(request)
  const marksWith = marksFor(passage, operation)
  const asked = { caller, presented, access, parameters, catalog, proof, marksWith }
  const admitted = await parts.exchange.admit(grant, asked) // 6 admit
  if (!admitted.ok) return admitted.error
  const admission = admitted.value
  passage.admission = admission
  parts.forwarder.forward({
    ...{ request, reply, directory, operation, prefix, held, startedAt, admission, signed },
    ...{ stored, describeParameters: parts.describeParameters },
    headers: without(headers, stripHeaders),
    maskedFields: maskedFieldsOf(operation, grant),
    share: parts.budget.shareOf(grant.agent),
    answer: (problem) => {
      passage.answer(problem)
    },
  }) // 7 forward, 8 close
  return undefined
}

/** With what it deserves for the credential that it is to be given, once that is known. */
function marksFor(
  { request, held, marks, stored }: Passage,
  { service }: Operation,
): Asked['marksWith'] {
  return (credential) => {
    const looked = { stored, injected: { service, credential } }
    return joinMarks(marks, marksOfInjected(request, held?.bytes, looked))
  }
}

const stopFor = (error: Refusal | 'gone'): Stop => (error === 'gone' ? error : { refusal: error })

interface Entered extends Authenticated {
  /** Without the token, where it stood in a declared slot. */
  readonly target: string
}

async function enter(
  { exchange, storedValues }: DoorParts,
  passage: Passage,
): Promise<Result<Entered, Rejection>> {
  const { request, directory, caller } = passage
  const found = findToken(request, directory.accept)
  if (!found.ok) return err({ refusal: found.error })
  const { presented, target, isInUrl, realCredentialPlace: place } = found.value
  const authenticated = await exchange.authenticate(presented, caller)
  if (!authenticated.ok) {
    passage.grant = authenticated.error.grant
    return authenticated
  }
  const grant = authenticated.value
  passage.grant = grant
  const stored = storedValues()
  passage.stored = stored
  passage.marks = joinMarks(
    marksOfTarget(target, stored),
    marksOfHeaders(request.fields, directory.accept, stored),
  )
  if (isInUrl) return err({ refusal: { reason: 'token_in_url' } })
  if (place === undefined) return ok({ grant, presented, target })
  // The agent holds a real key, which it should not: that is worth more than a refusal.
  const refusal: Refusal = { reason: 'real_credential_presented', place }
  return err({ refusal, marks: ['real_credential'] })
}

type Locating = Result<Pick<Forwarding, 'operation' | 'prefix'>, Refusal | 'gone'>

/** At once, but where the body may have to say which operation is meant. */
function locate(
  parts: DoorParts,
  passage: Passage,
  { grant, target }: Entered,
): Locating | Promise<Locating> {
  const { request, directory } = passage
  const { listener, host, method } = request
  const route = findRoute({ listener, host, target }, grant, directory)
  if (!route.ok) return route
  passage.route = route.value
  if (!route.value.service.isSigned)
    return located(passage, route.value, findOperation(route.value, method, directory))
  return findSignedOperation(passage, route.value, holderOf(parts, passage)).then((operation) =>
    located(passage, route.value, operation),
  )
}

function located(
  passage: Passage,
  { prefix }: Route,
  operation: Result<Operation, Refusal | 'gone'>,
): Locating {
  if (!operation.ok) return operation
  passage.operation = operation.value
  if (isUpgradeRefused(passage.request, operation.value)) return err({ reason: 'upgrade_refused' })
  return ok({ operation: operation.value, prefix })
}

interface Located {
  readonly grant: StoredGrant
  readonly operation: Operation
  readonly headers: HeaderList
}

async function judge(
  { budget, describeParameters }: DoorParts,
  passage: Passage,
  { grant, operation, headers }: Located,
): Promise<Result<JudgedRequest, Refusal | 'gone'>> {
  const { request, caller, directory } = passage
  const asked = { caller, grant, operation }
  if (!operation.baseScopes.every((scope) => grant.scopes.has(scope))) {
    return judgeRequest({ ...asked, read: undefined }, directory, describeParameters)
  }
  const read = await readFacts(
    headers,
    { operation, body: request.body, held: passage.held },
    budget.shareOf(grant.agent),
  )
  if (!read.ok) return read
  const { held } = read.value
  passage.held = held
  if (held) {
    passage.marks = joinMarks(passage.marks, await marksOfHeld(held.bytes, passage.stored))
  }
  return judgeRequest({ ...asked, read: read.value }, directory, describeParameters)
}

function proofOf({ fields, method, listener, host, target }: WireRequest): ProofFacts {
  const proofs = fields.flatMap(([name, value]) => (name === 'dpop' ? [value] : []))
  return { proofs, method, url: `${originOfDoor({ listener, host })}${pathOf(target)}` }
}

async function turnAway({ exchange }: DoorParts, passage: Passage, stop: Stop): Promise<void> {
  passage.held?.release()
  if (stop === 'gone') return
  await exchange.record({ grant: passage.grant, ...stop, ...recordOf(passage, stop.marks) })
  passage.answer(problemOfRefusal(stop.refusal, passage.subject()))
}

/** A rejection's record, but for who was refused and why. */
function recordOf(passage: Passage, more: Marks = NO_MARKS): Omit<RejectedRequest, 'refusal'> {
  const { caller, directory, parameters, marks } = passage
  const catalogDigest = directory.catalog.digest
  const access = passage.known()
  return { caller, access, parameters, catalogDigest, marks: joinMarks(marks, more) }
}

/** Something of ours broke: nothing of it gets out, and an admission is never left open. */
function breakOff({ exchange, log }: DoorParts, passage: Passage, error: unknown): void {
  const { caller, admission, held, grant } = passage
  const { requestId } = caller
  const failure = error instanceof Failure ? error : undefined
  const kind = failure?.code ?? (error instanceof Error ? error.name : 'unknown')
  log.error('request_failed', { requestId, kind })
  held?.release()
  if (admission) {
    admission.close({
      result: 'failed',
      cause: 'internal_failure',
      requestBytes: 0,
      responseBytes: 0,
      durationsMs: { total: 0 },
    })
  } else {
    const refusal: Refusal = { reason: 'internal_failure' }
    void exchange.record({ grant, refusal, ...recordOf(passage) })
  }
  passage.answer(problemOfFailure(undefined, requestId))
}
