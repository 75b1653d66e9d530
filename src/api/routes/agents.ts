/** Agents: listing, showing, and the two things that may change: standing and owner. */

import { z } from '@hono/zod-openapi'
import { err, ok, type Result } from '../../base/result.ts'
import type { Agent } from '../../policy/agent-store.ts'
import { revokeAgent } from '../../policy/revoke.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'
import { defineRoute, ROLES, type Caller, type Route } from '../route.ts'
import { agentName, instant, ownerName, pageOf } from '../schemas.ts'
import { revoked } from './revoke.ts'

const view = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    owner: z.string().optional(),
    disabled: z.boolean(),
    disabledAt: instant().optional(),
    createdAt: instant(),
    revocation: revoked.optional().openapi({ description: 'Only in the answer to disabling.' }),
  })
  .openapi('Agent')

type View = z.input<typeof view>

const change = z
  .strictObject({ disabled: z.boolean().optional(), owner: ownerName.optional() })
  .refine(({ disabled, owner }) => (disabled === undefined) !== (owner === undefined), {
    error: 'give either disabled or owner',
  })
  .openapi('AgentChange')

const params = z.strictObject({ name: agentName })
const unknown = err({ code: 'not_found', detail: 'There is no agent with this name.' } as const)

export function agentRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [listRoute(parts), findRoute(parts), changeRoute(parts, changes)]
}

function listRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/agents',
      summary: 'List agents',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async () => ok({ items: (await stores.agents.list()).map(viewOf) }),
  )
}

function findRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/agents/{name}',
      summary: 'Show an agent',
      roles: ROLES.auditors,
      params,
      status: 200,
      answer: view,
      problems: ['not_found'],
    },
    async (call) => found(await stores.agents.find(call.params.name)),
  )
}

function changeRoute(parts: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'patch',
      path: '/v1/agents/{name}',
      summary: 'Disable or enable an agent, or set its owner',
      roles: ROLES.admins,
      params,
      body: change,
      status: 200,
      answer: view,
      problems: ['not_found'],
    },
    (call) => {
      const { name } = call.params
      const { disabled, owner } = call.body
      if (owner !== undefined) return setOwner(parts, changes, { call, name, owner })
      return disabled === true
        ? disable(parts, changes, { call, name })
        : enable(parts, changes, { call, name })
    },
  )
}

interface Named {
  readonly call: Caller
  readonly name: string
}

type Changed = Promise<Result<View, ApiProblem>>

function disable({ stores, gates }: ApiParts, changes: ChangeLog, { call, name }: Named): Changed {
  return changes.withdraw(call, async () => {
    const revocation = await revokeAgent({ ...stores, gates }, { name, at: call.at, disable: true })
    const agent = await stores.agents.find(name)
    if (!revocation || !agent) return unknown
    const { revoked: tokens, sequence, cut } = revocation
    const details = { tokens, sequence, cut }
    return ok({
      answer: { ...viewOf(agent), revocation },
      change: { action: 'agent.disable', target: name, details },
    })
  })
}

async function enable({ stores }: ApiParts, changes: ChangeLog, { call, name }: Named): Changed {
  if (!(await stores.agents.find(name))) return unknown
  return await changes.grant(call, { action: 'agent.enable', target: name }, async () =>
    found(await stores.agents.enable(name)),
  )
}

async function setOwner(
  { stores }: ApiParts,
  changes: ChangeLog,
  { call, name, owner }: Named & { readonly owner: string },
): Changed {
  const agent = await stores.agents.find(name)
  if (!agent) return unknown
  const details = { from: agent.owner ?? null, to: owner }
  return await changes.grant(call, { action: 'agent.owner', target: name, details }, async () =>
    found(await stores.agents.setOwner(name, owner)),
  )
}

function found(agent: Agent | undefined): Result<View, ApiProblem> {
  return agent ? ok(viewOf(agent)) : unknown
}

function viewOf({ id, name, owner, disabledAt, createdAt }: Agent): View {
  return { id, name, owner, disabled: disabledAt !== undefined, disabledAt, createdAt }
}
