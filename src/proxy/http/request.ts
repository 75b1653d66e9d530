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
import type { ProofFacts, Rejection } from '../admission.ts'
import type { BodyBudget } from '../body-budget.ts'
import type { Exchange } from '../exchange.ts'
import type { Presented } from '../recognise.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import { findOperation, judgeRequest } from './access.ts'
import type { DescribeParameters, JudgedRequest } from './access.ts'
import type { Directory } from './directory.ts'
import { readFacts } from './facts.ts'
import type { Forwarder } from './forward.ts'
import { forwardable, headerValue, without } from './headers.ts'
import type { HeaderList } from './headers.ts'
import { Passage } from './passage.ts'
import { findToken } from './present.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'
import { findRoute } from './route.ts'

export interface DoorParts {
  readonly exchange: Exchange
  readonly forwarder: Forwarder
  readonly directory: () => Directory
  readonly budget: BodyBudget
  readonly describeParameters: DescribeParameters
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
  const { grant, presented, target } = entered.value
  const located = locate(passage, grant, target) // 3 route, 4 match
  if (!located.ok) return { refusal: located.error }
  const { operation, prefix } = located.value
  const headers = forwardable(passage.request, operation, presented)
  const judged = await judge(parts, passage, { grant, operation, headers }) // 5 body
  if (!judged.ok) return judged.error === 'gone' ? 'gone' : { refusal: judged.error }
  const { access, parameters, stripHeaders } = judged.value
  const { caller, directory, request } = passage
  const proof = grant.bindings.dpop === undefined ? undefined : proofOf(request)
  const admitted = await parts.exchange.admit(grant, {
    caller,
    presented,
    access,
    parameters,
    catalog: directory.catalog,
    proof,
  }) // 6 admit
  if (!admitted.ok) return admitted.error
  passage.admission = admitted.value
  parts.forwarder.forward({
    ...passage.forwarding(admitted.value),
    operation,
    prefix,
    headers: without(headers, stripHeaders),
  }) // 7 forward, 8 close
  return undefined
}

interface Entered {
  readonly grant: StoredGrant
  readonly presented: Presented
  /** Without the token, where it stood in a declared slot. */
  readonly target: string
}

async function enter(
  { exchange }: DoorParts,
  passage: Passage,
): Promise<Result<Entered, Rejection>> {
  const { request, directory, caller } = passage
  const found = findToken(request, directory.accept)
  if (!found.ok) return err({ refusal: found.error })
  const { presented, target, realCredentialPlace: place } = found.value
  const authenticated = await exchange.authenticate(presented, caller)
  if (!authenticated.ok) {
    passage.grant = authenticated.error.grant
    return authenticated
  }
  const grant = authenticated.value
  passage.grant = grant
  passage.learn({ method: request.method, path: pathOf(target) })
  if (place === undefined) return ok({ grant, presented, target })
  // The agent holds a real key, which it should not: that is worth more than a refusal.
  const refusal: Refusal = { reason: 'real_credential_presented', place }
  return err({ refusal, marks: ['real_credential'] })
}

function locate(
  passage: Passage,
  grant: StoredGrant,
  target: string,
): Result<{ readonly operation: Operation; readonly prefix: string }, Refusal> {
  const { request, directory } = passage
  const { listener, host, method, fields } = request
  const route = findRoute({ listener, host, target }, grant, directory)
  if (!route.ok) return route
  passage.service = route.value.service
  passage.learn({ service: route.value.service.id, path: pathOf(route.value.target) })
  const operation = findOperation(route.value, method, directory)
  if (!operation.ok) return operation
  const { rule, baseScopes: scopes } = operation.value
  passage.learn({ host: operation.value.host, rule, scopes })
  // Other upgrades are offers, and an offer may be left unanswered.
  if (headerValue(fields, 'upgrade')?.toLowerCase().includes('websocket') === true) {
    return err({ reason: 'upgrade_refused' })
  }
  return ok({ operation: operation.value, prefix: route.value.prefix })
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
  const read = await readFacts(headers, { operation, body: request.body }, budget)
  if (!read.ok) return read
  passage.held = read.value.held
  return judgeRequest({ ...asked, read: read.value }, directory, describeParameters)
}

function proofOf({ fields, method, listener, host, target }: WireRequest): ProofFacts {
  const proofs = fields.flatMap(([name, value]) => (name === 'dpop' ? [value] : []))
  const scheme = listener.isSecure ? 'https' : 'http'
  return { proofs, method, url: `${scheme}://${host ?? listener.address}${pathOf(target)}` }
}

function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

async function turnAway({ exchange }: DoorParts, passage: Passage, stop: Stop): Promise<void> {
  passage.held?.release()
  if (stop === 'gone') return
  const { caller, directory, access, parameters } = passage
  const catalogDigest = directory.catalog.digest
  await exchange.record({
    grant: passage.grant,
    ...stop,
    caller,
    access: access.service === undefined ? { ...access, ...passage.guess() } : access,
    parameters,
    catalogDigest,
  })
  passage.answer(problemOfRefusal(stop.refusal, passage.subject()))
}

/** Something of ours broke: nothing of it gets out, and an admission is never left open. */
function breakOff({ log }: DoorParts, passage: Passage, error: unknown): void {
  const { caller, admission, held } = passage
  const { requestId } = caller
  const failure = error instanceof Failure ? error : undefined
  const kind = failure?.code ?? (error instanceof Error ? error.name : 'unknown')
  log.error('request_failed', { requestId, kind })
  held?.release()
  admission?.close({
    result: 'failed',
    cause: 'internal_failure',
    requestBytes: 0,
    responseBytes: 0,
    durationsMs: { total: 0 },
  })
  passage.answer(problemOfFailure(undefined, requestId))
}
