/** What ends it: commands to run, the most effective first. */

import type { BlastRadiusFacts } from './blast-radius-facts.ts'
import type { CredentialCard } from './blast-radius-credentials.ts'
import { commandLine } from './command-line.ts'
import type { TokenCard } from './token-card.ts'

export interface Step {
  /** Absent where no command of ours does it. */
  readonly command?: string
  /** What it does, and what it does not; one or two sentences. */
  readonly effect: string
}

interface Situation {
  /** Of the subject and below it. */
  readonly live: readonly TokenCard[]
  readonly credentials: readonly CredentialCard[]
}

const MAX_STEPS_OF_A_KIND = 10

export function containmentOf(facts: BlastRadiusFacts, situation: Situation): Step[] {
  switch (facts.subject.kind) {
    case 'agent':
      return [...stopAgent(facts), ...stopAbove(facts), ...replaceValues(situation)]
    case 'token':
      return [
        ...stopToken(facts, situation),
        ...stopRest(facts, situation),
        ...stopAbove(facts),
        ...replaceValues(situation),
      ]
    case 'credential':
      return [...situation.credentials.flatMap(replaceValue), ...stopHolders(situation)]
  }
}

function stopAgent({ subject: { name }, agents, tokens, descendants }: BlastRadiusFacts): Step[] {
  if (agents.get(name)?.disabledAt !== undefined)
    return [{ effect: `${name} is disabled already: it has no live token and gets none.` }]
  if (tokens.total + descendants.total === 0)
    return [
      {
        command: commandLine('agent', 'disable', name),
        effect:
          'Nothing is live, so there is nothing to end: this lets it get no new token until it is enabled.',
      },
    ]
  const below = belowWords(descendants.total)
  return [
    {
      command: commandLine('agent', 'disable', name),
      effect: `Revokes its ${counted(tokens.total, 'live token')}${below}, cuts what is in flight, and lets it get no new one until it is enabled.`,
    },
    {
      command: commandLine('token', 'revoke', '--agent', name),
      effect: 'The same for the tokens of now; new ones can be issued.',
    },
  ]
}

function stopToken({ subject, descendants }: BlastRadiusFacts, { live }: Situation): Step[] {
  if (!live.some(({ id }) => id === subject.name))
    return [{ effect: 'This token is dead already: nothing is let in with it.' }]
  return [
    {
      command: commandLine('token', 'revoke', subject.name),
      effect: `Revokes it${belowWords(descendants.total)}, and cuts what is in flight.`,
    },
  ]
}

/** Who took one token from an agent may have taken the others. */
function stopRest({ tokens, credentials }: BlastRadiusFacts, { live }: Situation): Step[] {
  const agent = tokens.items[0]?.agent
  if (agent === undefined) return []
  const most = Math.max(0, ...credentials.map(({ holders }) => holders.get(agent) ?? 0))
  const own = live.filter((token) => token.agent === agent).length
  if (most <= own) return []
  return [
    {
      command: commandLine('agent', 'disable', agent),
      effect: `${agent} has other live tokens: this revokes all of them, and lets it get no new one.`,
    },
  ]
}

function stopAbove({ ancestors, now }: BlastRadiusFacts): Step[] {
  const alive = ancestors.filter(
    ({ revokedAt, expiresAt }) => revokedAt === undefined && now < expiresAt,
  )
  return alive.slice(0, MAX_STEPS_OF_A_KIND).map(({ id, agent }) => ({
    command: commandLine('token', 'revoke', id),
    effect: `Stands above: ${agent} can pass on more of the same with it. Revokes everything below it as well.`,
  }))
}

/** A value that no request was given cannot have got out through one. */
function replaceValues({ credentials }: Situation): Step[] {
  const given = credentials.filter(({ usedVersion }) => usedVersion !== undefined)
  return given.flatMap(replaceValue).map(({ command, effect }) => ({
    ...(command === undefined ? {} : { command }),
    effect: `Only if the value itself may be known, which an agent never sees. ${effect}`,
  }))
}

function replaceValue({ reference = '', holders }: CredentialCard): Step[] {
  const who = holders.length === 1 ? 'one agent' : `${holders.length} agents`
  const shared =
    holders.length === 0
      ? 'No live token leads to it.'
      : `Tokens stay valid; ${who} with live tokens will use the new value.`
  if (reference.startsWith('vault:'))
    return [
      {
        command: commandLine('secret', 'set', reference.slice('vault:'.length)),
        effect: `Make a new key at the vendor, store it with this, then delete the old one there. ${shared}`,
      },
    ]
  if (reference === '') return []
  const effect = `Make a new key at the vendor, put it into ${reference}, ${taken(reference)}, then delete the old one there. ${shared}`
  return [{ effect }]
}

const taken = (reference: string) =>
  reference.startsWith('env:') ? 'restart the server' : 'which is read again by itself'

function stopHolders({ live }: Situation): Step[] {
  const agents = [...new Set(live.map(({ agent }) => agent))]
  const shown = agents.slice(0, MAX_STEPS_OF_A_KIND).map((agent) => ({
    command: commandLine('agent', 'disable', agent),
    effect: 'Revokes all of its tokens, those for other services too.',
  }))
  const more = agents.length - shown.length
  return more === 0 ? shown : [...shown, { effect: `And ${counted(more, 'more agent')}.` }]
}

const belowWords = (count: number) => (count === 0 ? '' : `, ${counted(count, 'token')} below`)

const counted = (count: number, noun: string) => (count === 1 ? `one ${noun}` : `${count} ${noun}s`)
