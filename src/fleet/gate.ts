/**
 * The admission gate of one process: which tokens are dead, which requests are in flight, and
 * the cutting of the latter when the former grow. Every check costs one look-up per ancestor.
 *
 * Alone on its database a process is always current; a fleet passes its lease as `isCurrent`.
 */

import type { Gate, GateState, LiveAdmission } from '../policy/gate.ts'
import type { Grant } from '../policy/grant.ts'
import type { HoldChange, Revocation } from '../policy/revocation-log.ts'
import { createHolds } from './holds.ts'
import { createLiveIndex } from './live-index.ts'

export interface SingleGate extends Gate {
  /**
   * Forgets tokens that were revoked or held before this instant. Pass now minus the longest lifetime
   * that was ever allowed: by then they have expired too. Agents are never forgotten.
   */
  prune(revokedBefore: number): void
}

/** Builds an empty gate; main.ts applies every known revocation before it opens a listener. */
export function createGate({
  isCurrent = () => true,
}: { readonly isCurrent?: () => boolean } = {}): SingleGate {
  const dead = createDeadList()
  const flight = createFlight()
  let sequence = 0

  const state = (grant: Grant): GateState =>
    dead.judge(grant)?.state ?? (isCurrent() ? 'open' : 'stale')

  function revokeGrants(ids: readonly string[], at: number): number {
    dead.addGrants(ids, at)
    return ids.reduce((cut, id) => cut + flight.cutGrant(id), 0)
  }

  function hold(change: HoldChange): number {
    return dead.holds.apply(change) && change.kind === 'hold' ? flight.cutGrant(change.id) : 0
  }

  return {
    state,
    closedAt: (grant) => dead.judge(grant)?.at,
    // Revoked since it was judged: registered nowhere, and cut before it starts.
    open: (grant) => (state(grant) === 'open' ? flight.open(grant) : cutAtOnce(grant)),
    apply(revocation) {
      sequence = Math.max(sequence, revocation.sequence)
      if (revocation.kind === 'grant') return revokeGrants([revocation.id], revocation.at)
      if (revocation.kind !== 'agent') return hold(revocation)
      dead.addAgent(revocation)
      const cut = flight.cutAgent(revocation.id, revocation.generation)
      return cut + revokeGrants(revocation.alsoGrants ?? [], revocation.at)
    },
    prune(revokedBefore) {
      dead.prune(revokedBefore)
    },
    get sequence() {
      return sequence
    },
    get liveCount() {
      return flight.count()
    },
  }
}

type AgentRevocation = Extract<Revocation, { kind: 'agent' }>

/** What was revoked, by grant and by agent, and what is held; a revocation outweighs a hold. */
function createDeadList() {
  const grants = new Map<string, number>()
  const agents = new Map<string, AgentRevocation>()
  const holds = createHolds()
  return {
    holds,
    judge(grant: Grant): { readonly state: GateState; readonly at: number } | undefined {
      const { id, chain } = grant
      const dead = grants.has(id) ? id : chain.find((ancestor) => grants.has(ancestor))
      if (dead !== undefined) return { state: 'revoked', at: grants.get(dead) ?? 0 }
      const floor = agents.get(grant.agent)
      if (floor && grant.agentGeneration < floor.generation)
        return { state: floor.disabled ? 'agent_disabled' : 'revoked', at: floor.at }
      const heldSince = holds.since(id, chain)
      return heldSince === undefined ? undefined : { state: 'suspended', at: heldSince }
    },
    addGrants(ids: readonly string[], at: number): void {
      for (const id of ids) grants.set(id, at)
    },
    /** A floor never goes down, in whatever order revocations arrive. */
    addAgent(revocation: AgentRevocation): void {
      const floor = agents.get(revocation.id)
      if (!floor || floor.generation < revocation.generation) agents.set(revocation.id, revocation)
    },
    prune(revokedBefore: number): void {
      for (const [id, at] of grants) if (at < revokedBefore) grants.delete(id)
      holds.prune(revokedBefore)
    },
  }
}

/** Admissions in flight, findable by their grant, by each of its ancestors, and by its agent. */
function createFlight() {
  const byGrant = createLiveIndex<Live>()
  const byAgent = createLiveIndex<Live>()
  const lives = new Set<Live>()

  function remove(live: Live): void {
    if (!lives.delete(live)) return
    const { id, chain, agent } = live.grant
    byGrant.remove(id, live)
    for (const ancestor of chain) byGrant.remove(ancestor, live)
    byAgent.remove(agent, live)
  }

  function cut(covered: readonly Live[]): number {
    const open = covered.filter((live) => lives.has(live))
    for (const live of open) {
      remove(live)
      live.cut()
    }
    return open.length
  }

  return {
    open(grant: Grant): LiveAdmission {
      const live = new Live(grant, remove)
      const { id, chain, agent } = grant
      lives.add(live)
      byGrant.add(id, live)
      for (const ancestor of chain) byGrant.add(ancestor, live)
      byAgent.add(agent, live)
      return live
    },
    cutGrant: (id: string) => cut(byGrant.list(id)),
    cutAgent: (agent: string, generation: number) =>
      cut(byAgent.list(agent).filter(({ grant }) => grant.agentGeneration < generation)),
    count: () => lives.size,
  }
}

/** Not an AbortSignal: making one takes longer than all that the gate does for a request. */
class Live implements LiveAdmission {
  readonly grant: Grant
  readonly #remove: (live: Live) => void
  #listener: (() => void) | undefined
  #isCut = false

  constructor(grant: Grant, remove: (live: Live) => void) {
    this.grant = grant
    this.#remove = remove
  }

  get isCut(): boolean {
    return this.#isCut
  }

  whenCut(listener: () => void): void {
    if (this.#isCut) listener()
    else this.#listener = listener
  }

  close(): void {
    this.#remove(this)
  }

  cut(): void {
    this.#isCut = true
    try {
      this.#listener?.()
    } catch (error) {
      // The others are cut all the same; what is wrong here comes up where it is seen.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

/** Of a grant that was revoked since it was judged. */
function cutAtOnce(grant: Grant): LiveAdmission {
  const live = new Live(grant, () => undefined)
  live.cut()
  return live
}
