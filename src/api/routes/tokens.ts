/** Tokens: issuing, listing, showing. revoke.ts takes them away. */

import { z } from '@hono/zod-openapi'
import { newId } from '../../base/ids.ts'
import { err, ok } from '../../base/result.ts'
import { defined } from '../../policy/defined.ts'
import type { GateState } from '../../policy/gate.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import { resumeToken } from '../../policy/revoke.ts'
import { createCursors, readPage } from '../cursors.ts'
import { createIdempotency } from '../idempotency.ts'
import { createIssuance } from '../issue.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import {
  agentName,
  DEFAULT_LIMIT,
  instant,
  ownerName,
  pageOf,
  pageQuery,
  serviceId,
  spokenReason,
  tokenId,
} from '../schemas.ts'

const request = z
  .strictObject({
    agent: agentName,
    scopes: z.union([z.string().max(130_000), z.array(z.string().max(128)).max(1000)]).openapi({
      description: 'Full names; one string may list several, separated by commas.',
      example: ['stripe:read', 'stripe:write'],
    }),
    ttl: z.string().max(32).optional().openapi({ example: '4h' }),
    format: z.enum(['opaque', 'jwt']).optional(),
    bind: z
      .array(z.string().max(256))
      .max(40)
      .optional()
      .openapi({ example: ['cidr=10.0.0.0/8'] }),
    maxRequests: z.int().positive().optional(),
    rate: z.string().max(32).optional().openapi({ example: '10/s' }),
    owner: ownerName.optional(),
  })
  .openapi('IssueRequest')

const issued = z
  .strictObject({
    token: z.string().openapi({ description: 'Shown once and stored nowhere.' }),
    id: z.string(),
    agent: z.string(),
    scopes: z.array(z.string()),
    expiresAt: instant(),
    keyPair: z
      .strictObject({ accessKeyId: z.string(), secretAccessKey: z.string() })
      .optional()
      .openapi({
        description:
          'For clients that sign their requests (AWS): names the same token. Shown once and stored nowhere.',
      }),
  })
  .openapi('IssuedToken')

const view = z
  .strictObject({
    id: z.string(),
    agent: z.string(),
    status: z.enum(['live', 'expired', 'suspended', 'revoked']),
    scopes: z.array(z.string()),
    services: z.array(z.string()).readonly(),
    issuedBy: z.string(),
    issuedAt: instant(),
    expiresAt: instant(),
    revokedAt: instant().optional(),
    lastUsedAt: instant().optional(),
    sessionId: z.string().optional(),
    chain: z
      .array(z.string())
      .readonly()
      .openapi({ description: 'Ids of the ancestors, root first.' }),
    bindings: z.strictObject({
      cidr: z.array(z.string()).readonly().optional(),
      dpop: z.string().optional(),
      firstUse: z.boolean().optional(),
      boundAddress: z.string().optional(),
    }),
    limits: z.strictObject({
      maxRequests: z.number().optional(),
      ratePerSecond: z.number().optional(),
    }),
  })
  .openapi('Token')

export function tokenRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [
    issueRoute(parts, changes),
    listRoute(parts),
    findRoute(parts),
    resumeRoute(parts, changes),
  ]
}

function issueRoute(parts: ApiParts, changes: ChangeLog): Route {
  const once = createIdempotency(parts.stores.idempotency)
  const issue = createIssuance(parts, changes)
  return defineRoute(
    {
      method: 'post',
      path: '/v1/tokens',
      summary: 'Issue a phantom token',
      roles: ROLES.issuers,
      headers: { 'idempotency-key': 'Makes repeating this request safe for a day.' },
      body: request,
      status: 201,
      answer: issued,
      answerHeaders: ({ id }) => ({ location: `/v1/tokens/${id}` }),
      problems: [
        'scope_unknown',
        'ttl_invalid',
        'agent_disabled',
        'service_unsupported',
        'credential_not_configured',
        'request_running',
        'idempotency_key_reused',
      ],
    },
    (call) => {
      const creation = { kind: 'token', request: call.body }
      return once(call, creation, () => issue(call, { ...call.body, id: newId('tok') }))
    },
  )
}

function listRoute(parts: ApiParts): Route {
  const cursors = createCursors(parts.cursorKey)
  const query = z.strictObject({
    agent: agentName.optional(),
    service: serviceId.optional(),
    all: z.enum(['true', 'false']).optional().openapi({ description: 'Dead tokens too.' }),
    ...pageQuery,
  })
  return defineRoute(
    {
      method: 'get',
      path: '/v1/tokens',
      summary: 'List tokens, newest first',
      roles: ROLES.all,
      query,
      status: 200,
      answer: pageOf(view),
      problems: ['cursor_invalid'],
    },
    async ({ query: { all, limit = DEFAULT_LIMIT, cursor, agent, service }, at }) => {
      const filter = defined({ agent, service, liveAt: all === 'true' ? undefined : at })
      const list = JSON.stringify(['tokens', agent, service, all])
      return await readPage(cursors, { list, cursor }, async (position) => {
        const page = await parts.stores.grants.list(filter, { limit, ...position })
        return { ...page, items: page.items.map((grant) => viewOf(grant, parts)) }
      })
    },
  )
}

function findRoute(parts: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/tokens/{id}',
      summary: 'Show a token',
      roles: ROLES.all,
      params: z.strictObject({ id: tokenId }),
      status: 200,
      answer: view,
      problems: ['not_found'],
    },
    async ({ params }) => {
      const grant = await parts.stores.grants.findById(params.id)
      return grant ? ok(viewOf(grant, parts)) : unknown
    },
  )
}

function resumeRoute(parts: ApiParts, changes: ChangeLog): Route {
  const { stores, gates } = parts
  return defineRoute(
    {
      method: 'post',
      path: '/v1/tokens/{id}/resume',
      summary: 'Lift the suspension of a token',
      roles: ROLES.admins,
      params: z.strictObject({ id: tokenId }),
      body: z.strictObject({ reason: spokenReason }).openapi('ResumeRequest'),
      status: 200,
      answer: view,
      problems: ['not_found'],
    },
    async (call) => {
      const grant = await stores.grants.findById(call.params.id)
      if (!grant) return unknown
      const details = { agent: grant.agent, reason: call.body.reason }
      const change = { action: 'token.resume', target: grant.id, details }
      return await changes.grant(call, change, async () => {
        await resumeToken({ ...stores, gates }, grant, call.at)
        return ok(viewOf(grant, parts))
      })
    },
  )
}

const unknown = err({ code: 'not_found', detail: 'There is no token with this id.' } as const)

/** Member by member, so that nothing that a store may add to its rows gets out. */
function viewOf(grant: StoredGrant, { gates, now }: ApiParts): z.input<typeof view> {
  return {
    id: grant.id,
    agent: grant.agent,
    status: statusOf(grant, gates.state(grant), now()),
    scopes: [...grant.scopes],
    services: grant.services,
    issuedBy: grant.issuedBy,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    revokedAt: grant.revokedAt,
    lastUsedAt: grant.lastUsedAt,
    sessionId: grant.sessionId,
    chain: grant.chain,
    bindings: { ...grant.bindings, boundAddress: grant.boundAddress },
    limits: grant.limits,
  }
}

function statusOf(
  grant: StoredGrant,
  state: GateState,
  now: number,
): z.input<typeof view>['status'] {
  const isRevoked = state === 'revoked' || state === 'agent_disabled'
  if (grant.revokedAt !== undefined || isRevoked) return 'revoked'
  if (grant.expiresAt <= now) return 'expired'
  return state === 'suspended' ? 'suspended' : 'live'
}
