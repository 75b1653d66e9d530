/** What the control plane is made of. main.ts passes real parts, tests in-memory ones. */

import type { KeyObject } from 'node:crypto'
import type { AuditIndex } from '../audit/audit-index.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Checkpoints } from '../audit/checkpoints.ts'
import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Result } from '../base/result.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { AlertStore, MuteStore } from '../insight/alert-store.ts'
import type { AgentStore } from '../policy/agent-store.ts'
import type { Gates } from '../policy/gate.ts'
import type { Grant } from '../policy/grant.ts'
import type { GrantStore } from '../policy/grant-store.ts'
import type { IdempotencyStore } from '../policy/idempotency.ts'
import type { OperatorStore } from '../policy/operator-store.ts'
import type { RevocationLog } from '../policy/revocation-log.ts'
import type { EnvelopeProblem } from '../secret/envelope.ts'
import type { SealedStore } from '../secret/sealed-store.ts'
import type { ProcessSourceState } from '../secret/source-state.ts'
import type { KeyPair } from '../token/key-pair.ts'
import type { ServedHosts } from './browser-guard.ts'

/** What reading the files again came to. */
export interface Reloaded {
  /** How many settings are other ones than were last recorded. */
  readonly changed: number
  readonly catalogDigest: string
}

/** The process that answers; what `/-/live` tells callers on the same machine. */
interface Instance {
  readonly version: string
  readonly environment: string
  readonly pid: number
  readonly startedAt: number
}

export interface ApiStores {
  readonly agents: AgentStore
  readonly grants: GrantStore
  readonly operators: OperatorStore
  readonly revocations: RevocationLog
  readonly sealed: SealedStore
  readonly idempotency: IdempotencyStore
  readonly alerts: AlertStore
  readonly mutes: MuteStore
}

export interface ApiParts {
  readonly instance: Instance
  readonly hosts: ServedHosts
  readonly lifetimes: { readonly defaultTtlSeconds: number; readonly maxTtlSeconds: number }
  readonly stores: ApiStores
  readonly gates: Gates
  readonly audit: AuditLog
  readonly auditIndex: AuditIndex
  readonly checkpoints: Checkpoints
  /** Asked for each request, since service files may change without a restart. */
  readonly catalog: () => Catalog
  /** Answers when nobody uses the former value any more. */
  readonly forgetCredential: (name: string) => Promise<void>
  /** Whether the secret's source holds something, without opening it. */
  readonly isCredentialConfigured: (name: string) => Promise<boolean>
  /** Where a credential comes from, as `vault:stripe`; undefined where nothing says so. */
  readonly credentialReference: (name: string) => string | undefined
  /** What each process knows of each secret; never a value. */
  readonly secretStates: () => Promise<readonly ProcessSourceState[]>
  /** Form and signature only; nothing here can decrypt. */
  readonly verifyEnvelope: (text: string) => Result<{ readonly sealer: string }, EnvelopeProblem>
  /** The keyed digest under which a token, a JWT or an operator key is stored. */
  readonly digestOf: (token: string) => string
  /** The phantom key pair of a token, by its id, for clients that sign (token/key-pair.ts). */
  readonly keyPairOf: (tokenId: string) => KeyPair
  /** Throws `refused` when the token would be too long to be of use. */
  readonly mintJwt: (grant: Grant) => string
  /** The JWKS document: public keys only. */
  readonly publicKeys: () => { readonly keys: readonly object[] }
  /** Each part by name: whether it works right now. */
  readonly readiness: () => Promise<Readonly<Record<string, boolean>>>
  /** Sends a test to every target of alerts; those without a problem got it. */
  readonly testAlerts: () => Promise<
    readonly { readonly target: string; readonly problem?: string }[]
  >
  /**
   * Reads the files again. What changed goes to `record` before it is in force, and is not put in force
   * when that throws. An error says what is wrong with the files, and nothing has changed.
   */
  readonly reload: (
    record: (details: Readonly<Record<string, unknown>>) => Promise<void>,
  ) => Promise<Result<Reloaded, string>>
  /** For cursors only; derived from the environment's MAC key. */
  readonly cursorKey: KeyObject
  readonly log: Log
  readonly now: Now
}
