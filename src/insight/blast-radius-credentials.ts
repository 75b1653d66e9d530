/** Real credentials behind scopes: where they are kept, how old they are, who else uses them. */

import type { Activity } from '../audit/audit-index.ts'
import type { CredentialFacts } from './blast-radius-facts.ts'
import type { ScopeCard } from './blast-radius-scopes.ts'

export interface CredentialCard {
  readonly name: string
  readonly reference?: string
  readonly version?: number
  readonly sealedBy?: string
  readonly storedAt?: number
  /** The version that the last request of the window was given. */
  readonly usedVersion?: string
  readonly services: readonly string[]
  /** Of the subject's live tokens. */
  readonly scopes: readonly string[]
  /** Agents whose live tokens lead to it, the one with most first. */
  readonly holders: readonly { readonly agent: string; readonly tokens: number }[]
  readonly isCut: boolean
}

export function credentialCard(
  { name, reference, sealed, holders, isCut }: CredentialFacts,
  {
    scopes,
    activities,
  }: {
    readonly scopes: readonly ScopeCard[]
    readonly activities: readonly Activity[]
  },
): CredentialCard {
  const mine = scopes.filter(({ credential }) => credential === name)
  const usedVersion = versionInUse(name, activities)
  return {
    ...{ name, isCut },
    ...(reference === undefined ? {} : { reference }),
    ...sealed,
    ...(usedVersion === undefined ? {} : { usedVersion }),
    services: [...new Set(mine.map(({ service }) => service))].sort(),
    scopes: mine.map(({ scope }) => scope),
    holders: [...holders]
      .map(([agent, tokens]) => ({ agent, tokens }))
      .sort((left, right) => right.tokens - left.tokens || (left.agent < right.agent ? -1 : 1)),
  }
}

function versionInUse(name: string, activities: readonly Activity[]): string | undefined {
  const given = activities.filter(({ credential }) => credential?.name === name)
  return given.toSorted((left, right) => right.lastAt - left.lastAt)[0]?.credential?.version
}
