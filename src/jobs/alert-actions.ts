/**
 * What alerts do by policy, through the same revocation as an operator's command. A suspended
 * token does not come back: revocations are for good everywhere here, and a new one is issued.
 */

import type { Now } from '../base/clock.ts'
import type { PendingAction } from '../insight/alert-store.ts'
import type { AgentStore } from '../policy/agent-store.ts'
import { revokeAgent, revokeToken, type RevocationParts, type Revoked } from '../policy/revoke.ts'

export interface ActionParts extends RevocationParts {
  readonly agents: Pick<AgentStore, 'find'>
  readonly now: Now
}

/** As operators' own changes are called in the audit. */
export const ACTION_NAMES = {
  suspend_token: 'token.revoke',
  disable_agent: 'agent.disable',
} as const

/** False where there is nothing alive to do it to. */
export async function isNeeded(
  { grants, gates, agents, now }: ActionParts,
  { action, target }: Pick<PendingAction, 'action' | 'target'>,
): Promise<boolean> {
  if (action === 'disable_agent') {
    const agent = await agents.find(target)
    return agent !== undefined && agent.disabledAt === undefined
  }
  const grant = await grants.findById(target)
  if (!grant || grant.revokedAt !== undefined || grant.expiresAt <= now()) return false
  const state = gates.state(grant)
  return state !== 'revoked' && state !== 'agent_disabled'
}

/** Twice is done. Undefined when there is no such token or agent. */
export async function perform(
  parts: ActionParts,
  { action, target }: Pick<PendingAction, 'action' | 'target'>,
): Promise<Revoked | undefined> {
  const at = parts.now()
  if (action === 'disable_agent')
    return await revokeAgent(parts, { name: target, at, disable: true })
  const grant = await parts.grants.findById(target)
  return grant && (await revokeToken(parts, grant, at))
}
