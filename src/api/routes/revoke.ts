/** Revoking by token, by id, or all tokens of an agent. Revoking twice is done. */

import { z } from '@hono/zod-openapi'
import { err, ok, type Result } from '../../base/result.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import { revokeAgent, revokeToken, type Revoked } from '../../policy/revoke.ts'
import { MAX_JWT_LENGTH } from '../../token/jwt.ts'
import { unwrapToken } from '../../token/shape.ts'
import type { Change, ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'
import { defineRoute, ROLES, type Caller, type Route } from '../route.ts'

const request = z
  .strictObject({
    token: z.string().min(1).max(MAX_JWT_LENGTH).optional(),
    id: z.string().min(1).max(64).optional(),
    agent: z.string().min(1).max(64).optional(),
  })
  .refine((body) => Object.values(body).filter((value) => value !== undefined).length === 1, {
    error: 'give exactly one of token, id and agent',
  })
  .openapi('RevokeRequest')

export const revoked = z
  .strictObject({
    revoked: z.int().openapi({ description: 'How many tokens this covers.' }),
    sequence: z.int(),
    replicas: z.strictObject({ confirmed: z.int(), total: z.int() }),
    cut: z.int().openapi({ description: 'Requests in flight that were cut.' }),
    tokens: z
      .array(
        z.strictObject({
          id: z.string(),
          agent: z.string(),
          services: z.array(z.string()).readonly(),
        }),
      )
      .readonly()
      .openapi({ description: 'At most 1000 of them.' }),
  })
  .openapi('Revoked')

type Made = Result<{ readonly answer: Revoked; readonly change: Change }, ApiProblem>

const unknown = (what: string) =>
  err({ code: 'not_found', detail: `Nothing was revoked: there is no such ${what} here.` } as const)

export function revokeRoute(parts: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'post',
      path: '/v1/tokens/revoke',
      summary: 'Revoke a token, or all tokens of an agent',
      roles: ROLES.issuers,
      body: request,
      status: 200,
      answer: revoked,
      problems: ['not_found'],
    },
    (call) =>
      changes.withdraw(call, () =>
        call.body.agent === undefined
          ? withdrawToken(parts, call, call.body)
          : withdrawAgent(parts, call, call.body.agent),
      ),
  )
}

async function withdrawToken(
  parts: ApiParts,
  { at }: Caller,
  { token, id = '' }: { readonly token?: string | undefined; readonly id?: string | undefined },
): Promise<Made> {
  const { stores, gates } = parts
  const grant =
    token === undefined ? await stores.grants.findById(id) : await findByText(parts, token)
  const answer = grant && (await revokeToken({ ...stores, gates }, grant, at))
  if (!answer) return unknown('token')
  const details = { agent: grant.agent, sequence: answer.sequence, cut: answer.cut }
  return ok({ answer, change: { action: 'token.revoke', target: grant.id, details } })
}

/** Bare, a JWT, or inside the shape of a service's keys: however an agent may have held it. */
function findByText(
  { stores, digestOf, catalog }: ApiParts,
  text: string,
): Promise<StoredGrant | undefined> {
  const prefixes = [...catalog().services.values()].flatMap(({ tokenPrefix }) => tokenPrefix ?? [])
  return stores.grants.findByDigest(digestOf(unwrapToken(text, prefixes)?.text ?? text))
}

async function withdrawAgent(
  { stores, gates }: ApiParts,
  { at }: Caller,
  name: string,
): Promise<Made> {
  const answer = await revokeAgent({ ...stores, gates }, { name, at, disable: false })
  if (!answer) return unknown('agent')
  const details = { tokens: answer.revoked, sequence: answer.sequence, cut: answer.cut }
  return ok({ answer, change: { action: 'agent.revoke', target: name, details } })
}
