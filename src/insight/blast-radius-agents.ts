/** Agents around a subject: itself, those below and above it, and those that share a credential. */

import type { BlastRadiusFacts } from './blast-radius-facts.ts'
import type { TokenCard } from './token-card.ts'

export interface AgentCard {
  readonly name: string
  readonly owner?: string
  readonly isDisabled: boolean
  /** `holder`: has a token that leads to the credential that the report is about. */
  readonly relation: 'subject' | 'holder' | 'below' | 'above' | 'shares'
  /** Of those that the report is about. */
  readonly tokens: number
  /** That these tokens hold. */
  readonly scopes: readonly string[]
}

export function agentCards(facts: BlastRadiusFacts, live: readonly TokenCard[]): AgentCard[] {
  const relations = relationsOf(facts)
  return [...relations].map(([name, relation]) => {
    const { owner, disabledAt } = facts.agents.get(name) ?? {}
    const own = live.filter(({ agent }) => agent === name)
    return {
      ...{ name, relation },
      ...(owner === undefined ? {} : { owner }),
      isDisabled: disabledAt !== undefined,
      tokens: own.length,
      scopes: [...new Set(own.flatMap(({ scopes }) => scopes))].sort(),
    }
  })
}

/** An agent that stands in several relations has the first of them. */
function relationsOf(facts: BlastRadiusFacts): Map<string, AgentCard['relation']> {
  const { subject, tokens, descendants, ancestors, credentials } = facts
  const relations = new Map<string, AgentCard['relation']>()
  const add = (names: Iterable<string>, relation: AgentCard['relation']) => {
    for (const name of names) if (!relations.has(name)) relations.set(name, relation)
  }
  const namesOf = (grants: readonly { readonly agent: string }[]) =>
    grants.map(({ agent }) => agent).sort()
  if (subject.kind === 'agent') add([subject.name], 'subject')
  add(namesOf(tokens.items), subject.kind === 'credential' ? 'holder' : 'subject')
  add(namesOf(descendants.items), 'below')
  add(namesOf(ancestors), 'above')
  for (const { holders } of credentials) add([...holders.keys()].sort(), 'shares')
  return relations
}
