/** One proxy under test. */

export interface Subject {
  readonly name: string
  /** Where the load goes, without a path. */
  readonly url: string
  /** The process whose processor time counts. */
  readonly pid: number
  /** What to send instead of the benchmark's own token. */
  readonly token?: string
  /** Before the path, where the proxy needs one. */
  readonly prefix?: string
  stop(): Promise<void>
}
