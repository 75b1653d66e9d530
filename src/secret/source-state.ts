/** A secret's way into a process's memory, for people; never a value. */

export interface SourceState {
  readonly name: string
  /** As in the configuration. */
  readonly source: string
  /** Of what is in memory; absent: nothing is, because nobody needed it or it cannot be had. */
  readonly version?: string
  readonly fetchedAt?: number
  /** When it will be asked for again, if it is still needed then. */
  readonly refreshAt?: number
  /** When the value stops working by itself. */
  readonly expiresAt?: number
  readonly lastError?: { readonly at: number; readonly problem: string }
  /** Requests under way that were given this secret; absent: none. */
  readonly inFlight?: readonly VersionUse[]
}

export interface VersionUse {
  /** Of the secret, as `v3`; of what was minted from it, `v3.token`. */
  readonly version: string
  readonly requests: number
}

export interface CredentialUse extends VersionUse {
  readonly name: string
}

/** Whether a request was given this version, or what was minted from it. */
export function usesVersion(use: VersionUse, version: string): boolean {
  return use.version === version || use.version.startsWith(`${version}.`)
}

/** States with the requests that use each secret. */
export function withUses(
  states: readonly SourceState[],
  uses: readonly CredentialUse[],
): readonly SourceState[] {
  return states.map((state) => {
    const inFlight = uses.flatMap(({ name, version, requests }) =>
      name === state.name ? [{ version, requests }] : [],
    )
    return inFlight.length === 0 ? state : { ...state, inFlight }
  })
}

/** As one of several processes has it. */
export interface ProcessSourceState extends SourceState {
  /** `local`, or the worker's name; `tokens` for the one place where tokens are minted. */
  readonly process: string
}
