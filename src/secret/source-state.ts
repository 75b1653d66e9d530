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
}

/** As one of several processes has it. */
export interface ProcessSourceState extends SourceState {
  /** `local`, or the worker's name. */
  readonly process: string
}
