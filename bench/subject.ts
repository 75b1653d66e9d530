/** One proxy under test, and the job that all of them do. */

import type { TemporaryDirectory } from '../test/support/temporary.ts'

/** Turns `Bearer token` into `Bearer key` and sends it on; refuses everything else with 401. */
export interface SwapJob {
  /** `http://` or `https://`, on 127.0.0.1. */
  readonly origin: string
  /** PEM; what an https origin is verified with. */
  readonly ca: string
  readonly token: string
  readonly key: string
}

export interface SubjectParts {
  readonly job: SwapJob
  /** For configuration files. */
  readonly directory: TemporaryDirectory
  /** Options of node for subjects that run on it, such as those of a profile. */
  readonly nodeOptions: readonly string[]
}

export interface Subject {
  readonly port: number
  /** The process whose processor time counts. */
  readonly pid: number
  /** What to send instead of the benchmark's own token. */
  readonly token?: string
  /** Before the path, where the proxy needs one. */
  readonly prefix?: string
  stop(): Promise<void>
}

/** Undefined where the program is not installed. */
export type StartSubject = (parts: SubjectParts) => Promise<Subject | undefined>
