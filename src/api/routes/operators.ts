/** Operators: each has a name, a role and a key that is shown once. */

import { z } from '@hono/zod-openapi'
import { Failure } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { Operator } from '../../policy/operator-store.ts'
import { mintToken, tokenModeOf } from '../../token/token.ts'
import type { ChangeLog } from '../changes.ts'
import { createIdempotency } from '../idempotency.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'
import { defineRoute, ROLES, type Caller, type Route } from '../route.ts'
import { instant, operatorName, pageOf } from '../schemas.ts'

const role = z.enum(['admin', 'issuer', 'auditor'])

const view = z
  .strictObject({ id: z.string(), name: z.string(), role, createdAt: instant() })
  .openapi('Operator')

const added = view
  .extend({ key: z.string().openapi({ description: 'Shown once and stored nowhere.' }) })
  .openapi('AddedOperator')

const request = z.strictObject({ name: operatorName, role }).openapi('OperatorRequest')

export function operatorRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [listRoute(parts), addRoute(parts, changes), removeRoute(parts, changes)]
}

function listRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/operators',
      summary: 'List operators',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async () => ok({ items: (await stores.operators.list()).map(viewOf) }),
  )
}

function addRoute(parts: ApiParts, changes: ChangeLog): Route {
  const once = createIdempotency(parts.stores.idempotency)
  return defineRoute(
    {
      method: 'post',
      path: '/v1/operators',
      summary: 'Add an operator',
      roles: ROLES.admins,
      headers: { 'idempotency-key': 'Makes repeating this request safe for a day.' },
      body: request,
      status: 201,
      answer: added,
      problems: ['name_taken', 'request_running', 'idempotency_key_reused'],
    },
    (call) =>
      once(call, { kind: 'operator', request: call.body }, () => {
        const operator = { id: newId('op'), ...call.body, createdAt: call.at }
        return add(parts, changes, { call, operator })
      }),
  )
}

async function add(
  { stores, digestOf, instance }: ApiParts,
  changes: ChangeLog,
  { call, operator }: { readonly call: Caller; readonly operator: Operator },
): Promise<Result<z.input<typeof added>, ApiProblem>> {
  const { id, name, role: held } = operator
  const taken = err({
    code: 'name_taken',
    detail: `There is an operator ${name} already.`,
  } as const)
  const others = await stores.operators.list()
  if (others.some((other) => other.name === name)) return taken
  const change = { action: 'operator.add', target: name, details: { id, role: held } }
  return await changes.grant(call, change, async () => {
    const key = mintToken('ok', tokenModeOf(instance.environment))
    const isNew = await stores.operators.insert(operator, digestOf(key))
    return isNew ? ok({ ...viewOf(operator), key }) : taken
  })
}

function removeRoute({ stores }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'delete',
      path: '/v1/operators/{name}',
      summary: 'Remove an operator; the key stops working at once',
      roles: ROLES.admins,
      params: z.strictObject({ name: operatorName }),
      status: 204,
      problems: ['not_found', 'last_admin'],
    },
    (call) =>
      changes.withdraw(call, async () => {
        const { name } = call.params
        const removal = await removeOperator(stores.operators, name)
        if (removal === 'last_admin') return err({ code: removal, detail: lastAdmin } as const)
        if (removal === 'not_found')
          return err({ code: removal, detail: 'There is no operator with this name.' } as const)
        return ok({ answer: undefined, change: { action: 'operator.remove', target: name } })
      }),
  )
}

const lastAdmin = 'The last admin cannot be removed: add another one first.'

async function removeOperator(
  operators: ApiParts['stores']['operators'],
  name: string,
): Promise<'removed' | 'not_found' | 'last_admin'> {
  try {
    return (await operators.remove(name)) ? 'removed' : 'not_found'
  } catch (error) {
    if (error instanceof Failure && error.code === 'refused') return 'last_admin'
    throw error
  }
}

function viewOf({ id, name, role: held, createdAt }: Operator): z.input<typeof view> {
  return { id, name, role: held, createdAt }
}
