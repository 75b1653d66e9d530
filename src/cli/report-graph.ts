/** The graph of a blast radius: agents -> scopes -> services -> credentials -> other agents. */

import type { BlastRadius, Risk } from '../../sdk/src/client.ts'

export type NodeKind = 'agent' | 'scope' | 'service' | 'credential' | 'other'

export interface GraphNode {
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  /** A smaller second line. */
  readonly note: string
  readonly risk?: Risk
  /** Granted, and not used in the window. */
  readonly isIdle?: boolean
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
}

export interface Graph {
  /** Layers from left to right; empty ones are left out. */
  readonly layers: readonly (readonly GraphNode[])[]
  readonly edges: readonly GraphEdge[]
}

/** More in one layer could not be read any more; the rest becomes one node that counts them. */
const MAX_IN_LAYER = 40

export function graphOf(report: BlastRadius): Graph {
  const { scopes, credentials } = report
  const owners = report.agents.filter(
    ({ relation }) => relation !== 'shares' && relation !== 'above',
  )
  const layers = [
    limited('agent', owners.map(ownerNode)),
    limited('scope', scopes.map(scopeNode)),
    limited('service', unique(scopes.map(({ service }) => service)).map(serviceNode)),
    limited('credential', credentials.map(credentialNode)),
    limited('other', othersOf(report).map(otherNode)),
  ].filter((layer) => layer.length > 0)
  const known = new Set(layers.flat().map(({ id }) => id))
  const edges = edgesOf(report, owners).filter(({ from, to }) => known.has(from) && known.has(to))
  return { layers, edges }
}

function ownerNode({ name, relation, tokens, ended }: BlastRadius['agents'][number]): GraphNode {
  const below = relation === 'below' ? ', below' : ''
  const past = ended === 0 ? '' : `, ${ended} ended`
  const note = `${countTokens(tokens)}${past}${below}`
  return { id: `agent ${name}`, kind: 'agent', label: name, note }
}

function scopeNode({ scope, risk, calls }: BlastRadius['scopes'][number]): GraphNode {
  const note =
    calls === 0 ? `${risk}, never used` : `${risk}, ${calls === 1 ? '1 call' : `${calls} calls`}`
  return { id: `scope ${scope}`, kind: 'scope', label: scope, note, risk, isIdle: calls === 0 }
}

const serviceNode = (service: string): GraphNode => ({
  id: `service ${service}`,
  kind: 'service',
  label: service,
  note: 'service',
})

function credentialNode({
  name,
  reference,
  version,
}: BlastRadius['credentials'][number]): GraphNode {
  const kept = reference ?? 'not configured'
  const note = version === undefined ? kept : `${kept}, version ${version}`
  return { id: `credential ${name}`, kind: 'credential', label: name, note }
}

function otherNode({ agent, tokens }: Other): GraphNode {
  return { id: `other ${agent}`, kind: 'other', label: agent, note: countTokens(tokens) }
}

interface Other {
  readonly agent: string
  readonly tokens: number
}

/** Who shares a credential and is not on the left already, the one with most tokens first. */
function othersOf({ agents, credentials }: BlastRadius): Other[] {
  const shares = new Set(agents.flatMap((a) => (a.relation === 'shares' ? [a.name] : [])))
  const most = new Map<string, number>()
  for (const { holders } of credentials)
    for (const { agent, tokens } of holders)
      if (shares.has(agent)) most.set(agent, Math.max(most.get(agent) ?? 0, tokens))
  return [...most]
    .map(([agent, tokens]) => ({ agent, tokens }))
    .sort((left, right) => right.tokens - left.tokens)
}

function edgesOf(
  { scopes, credentials }: BlastRadius,
  owners: readonly BlastRadius['agents'][number][],
): GraphEdge[] {
  const edges = [
    ...owners.flatMap(({ name, scopes: held }) =>
      held.map((scope) => ({ from: `agent ${name}`, to: `scope ${scope}` })),
    ),
    ...scopes.flatMap(({ scope, service, credential }) => [
      { from: `scope ${scope}`, to: `service ${service}` },
      ...(credential === undefined
        ? []
        : [{ from: `service ${service}`, to: `credential ${credential}` }]),
    ]),
    ...credentials.flatMap(({ name, holders }) =>
      holders.map(({ agent }) => ({ from: `credential ${name}`, to: `other ${agent}` })),
    ),
  ]
  return unique(edges.map((edge) => JSON.stringify(edge))).map(
    (text) => JSON.parse(text) as GraphEdge,
  )
}

function limited(kind: NodeKind, nodes: readonly GraphNode[]): readonly GraphNode[] {
  if (nodes.length <= MAX_IN_LAYER) return nodes
  const rest = nodes.length - (MAX_IN_LAYER - 1)
  const more = { id: `more ${kind}`, kind, label: `${rest} more`, note: 'see the tables' }
  return [...nodes.slice(0, MAX_IN_LAYER - 1), more]
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]
const countTokens = (count: number) => (count === 1 ? '1 token' : `${count} tokens`)
