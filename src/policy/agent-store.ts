/** Agents: the programs that call through us. Passes test/contract/agent-store.ts. */

export interface Agent {
  readonly id: string
  readonly name: string
  readonly owner: string | undefined
  /** Moves up by one at each `agent disable`; grants of older generations are dead for good. */
  readonly generation: number
  readonly disabledAt: number | undefined
  readonly createdAt: number
}

export interface AgentStore {
  find(name: string): Promise<Agent | undefined>
  list(): Promise<readonly Agent[]>
  /** Returns the agent, made with `owner` if it did not exist. An existing owner is kept. */
  ensure(name: string, owner: string | undefined, now: number): Promise<Agent>
  setOwner(name: string, owner: string): Promise<Agent | undefined>
  /** Allows new tokens again; the old ones stay dead. Disabling is the revocation log's work. */
  enable(name: string): Promise<Agent | undefined>
}
