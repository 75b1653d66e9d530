/** What a worker is told to begin with: the same files, and the same ports as all others. */

import type { ConfigRequest } from '../config.ts'
import type { StateDirectory } from '../state-dir.ts'
import type { ListenAddress } from './data-side.ts'

export interface Orders {
  readonly settings: ConfigRequest
  readonly state: StateDirectory
  readonly isVerbose: boolean
  /** The variables that `env:` references may read; they stand in no worker's environment. */
  readonly sources: Readonly<Record<string, string | undefined>>
  /** Its part of the audit. */
  readonly writer: string
  readonly workers: number
  readonly addresses: readonly ListenAddress[]
}
