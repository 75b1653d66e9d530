/** Steps 3 and 4 for services whose requests are signed: signature and form name the operation. */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Operation } from '../../catalog/catalog.ts'
import { parseTarget } from '../../catalog/target.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { WireRequest } from '../wire/message.ts'
import { isCoded, isForm, type HeldBody } from './facts.ts'
import { headerValue } from './headers.ts'
import type { Passage } from './passage.ts'
import type { Route } from './route.ts'
import { refuseOther, type HoldBody, type SignedHead } from './signature.ts'

/** Finds it. The body is held where its form may say which operation is meant (SC-13). */
export async function findSignedOperation(
  { request, signed, directory: { catalog } }: Passage,
  route: Route,
  hold: HoldBody,
): Promise<Result<Operation, Refusal | 'gone'>> {
  const { service, namedHost } = route
  if (!signed) return err({ reason: 'signature_missing', service: service.id })
  const { method, fields } = request
  const target = parseTarget(route.target, { allowEncodedSlash: service.allowEncodedSlash })
  if (!target.ok) return err({ reason: 'target_not_canonical', problem: target.error.problem })
  const problem = ambiguity(request, target.value.query)
  if (problem) return err(problem)
  const parameters = await readParameters(request, { signed, hold, query: target.value.query })
  if (!parameters.ok) return parameters
  const operation = catalog.matchSigned(service, {
    ...{ method, namedHost, target: target.value, signing: signed },
    targets: fields.flatMap(([name, value]) => (name === 'x-amz-target' ? [value] : [])),
    actions: actionsOf(parameters.value).map(([name, value]) => (name === 'Action' ? value : '')),
    parameters: parameters.value.map(([name]) => name),
  })
  if (operation.ok) return operation
  return err({ reason: reasonOf(operation.error.reason), method })
}

/** What this service reads in one way and another could read in a second one. */
function ambiguity({ fields }: WireRequest, query = ''): Refusal | undefined {
  const signing = pairsOf(query).find(([name]) => /^\W*x-amz-/i.test(name))
  if (signing)
    return {
      ...{ reason: 'guard_denied', guard: `query field ${signing[0].trim().slice(0, 64)}` },
      why: 'in a query it would sign, or name an operation, in place of the header',
    }
  const types = fields.flatMap(([name, value]) => (name === 'content-type' ? [value] : []))
  const isTyped = types.length === 1 && MODEL_TYPE.test(types[0] ?? '')
  return fields.some(([name]) => name === 'x-amz-target') && !isTyped
    ? {
        reason: 'body_unreadable',
        problem: 'beside X-Amz-Target it must say that it is JSON or CBOR',
      }
    : undefined
}

const MODEL_TYPE =
  /^application\/(?:x-amz-json-1\.[01]|json|cbor)(?:\s*;\s*charset\s*=\s*"?utf-?8"?)?$/i

interface Reading {
  readonly signed: SignedHead
  readonly hold: HoldBody
  readonly query: string | undefined
}

type Parameters = readonly (readonly [name: string, value: string])[]

/** All that a service could find, be it in the query or in a form. */
async function readParameters(
  request: WireRequest,
  { signed, hold, query = '' }: Reading,
): Promise<Result<Parameters, Refusal | 'gone'>> {
  const inQuery = pairsOf(query)
  const held = await holdForm(request, signed, hold)
  if (!held.ok) return held
  if (held.value) return ok([...inQuery, ...pairsOf(held.value.bytes.toString('utf8'))])
  // Whoever reads parameters out of any body would find another one there.
  return actionsOf(inQuery).length > 0 && request.body.isPresent
    ? err({ reason: 'body_unreadable', problem: 'an Action in the query goes with a form only' })
    : ok(inQuery)
}

const pairsOf = (form: string): Parameters => [...new URLSearchParams(form)]

/** Whatever a lenient reader might take for one: `action`, `Action[]`, and its old name. */
const actionsOf = (parameters: Parameters): Parameters =>
  parameters.filter(([name]) => /^\W*(?:action|operation)\W*$/i.test(name))

async function holdForm(
  { body, fields }: WireRequest,
  signed: SignedHead,
  hold: HoldBody,
): Promise<Result<HeldBody | undefined, Refusal | 'gone'>> {
  if (!body.isPresent || !isForm(headerValue(fields, 'content-type'))) return ok(undefined)
  if (isCoded(headerValue(fields, 'content-encoding')))
    return err({ reason: 'body_unreadable', problem: 'it is compressed' })
  const held = await hold()
  if (!held.ok) return held
  const refusal = refuseOther(signed, held.value)
  return refusal ? err(refusal) : held
}

function reasonOf(reason: string): 'operation_unknown' | 'method_not_allowed' {
  return reason === 'method_not_allowed' ? reason : 'operation_unknown'
}
