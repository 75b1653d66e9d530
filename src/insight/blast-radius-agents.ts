/** Agents around a subject: itself, those below and above it, and those that share a credential. */

import type { BlastRadiusFacts } from './blast-radius-facts.ts'
import type { TokenCard } from './token-card.ts'

export interface AgentCard {
  readonly name: string
  readonly owner?: string
  readonly isDisabled: boolean
  /** `holder`: has a token that leads to the credential that the report is about. */
  readonly relation: 'subject' | 'holder' | 'below' | 'above' | 'shares'
  /** Live ones: of the subject, below and above it; of others those that lead to a shared credential. */
  readonly tokens: number
  /** Dead by now, of the subject and below it. */
  readonly ended: number
  /** That the tokens of the subject and below it hold, or held. */
  readonly scopes: readonly string[]
}

interface Cards {
  readonly live: readonly TokenCard[]
  readonly ended: readonly TokenCard[]
}

export function agentCards(facts: BlastRadiusFacts, { live, ended }: Cards): AgentCard[] {
  const relations = relationsOf(facts)
  return [...relations].map(([name, relation]) => {
    const { owner, disabledAt } = facts.agents.get(name) ?? {}
    const isOwn = ({ agent }: TokenCard) => agent === name
    const [own, past] = [live.filter(isOwn), ended.filter(isOwn)]
    return {
      ...{ name, relation },
      ...(owner === undefined ? {} : { owner }),
      isDisabled: disabledAt !== undefined,
      tokens: liveTokensOf(facts, { name, relation, own: own.length }),
      ended: past.length,
      scopes: [...new Set([...own, ...past].flatMap(({ scopes }) => scopes))].sort(),
    }
  })
}

interface Counted {
  readonly name: string
  readonly relation: AgentCard['relation']
  readonly own: number
}

function liveTokensOf(facts: BlastRadiusFacts, { name, relation, own }: Counted): number {
  const { ancestors, credentials, now } = facts
  if (relation === 'shares')
    return Math.max(0, ...credentials.map(({ holders }) => holders.get(name) ?? 0))
  if (relation !== 'above') return own
  const above = ancestors.filter(({ agent }) => agent === name)
  return above.filter((one) => one.revokedAt === undefined && now < one.expiresAt).length
}

/** An agent that stands in several relations has the first of them. */
function relationsOf(facts: BlastRadiusFacts): Map<string, AgentCard['relation']> {
  const { subject, tokens, descendants, ended, ancestors, credentials } = facts
  const relations = new Map<string, AgentCard['relation']>()
  const add = (names: Iterable<string>, relation: AgentCard['relation']) => {
    for (const name of names) if (!relations.has(name)) relations.set(name, relation)
  }
  const namesOf = (grants: readonly { readonly agent: string }[]) =>
    grants.map(({ agent }) => agent).sort()
  if (subject.kind === 'agent') add([subject.name], 'subject')
  add(namesOf(tokens.items), subject.kind === 'credential' ? 'holder' : 'subject')
  if (subject.kind === 'credential') add(namesOf(ended.items), 'holder')
  add(namesOf(descendants.items), 'below')
  add(namesOf(ended.items), 'below')
  add(namesOf(ancestors), 'above')
  for (const { holders } of credentials) add([...holders.keys()].sort(), 'shares')
  return relations
}
