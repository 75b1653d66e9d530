/** Admissions, rejections and what both are made of: the words that doors and exchange share. */

import type { AuditLog, OutcomeEvent, Parameters } from '../audit/audit-log.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Access } from '../policy/access.ts'
import type { Gate, LiveAdmission } from '../policy/gate.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import type { Refusal } from '../policy/refusal.ts'
import type { Credential } from '../secret/credential-source.ts'
import type { Presented } from './recognise.ts'

/** Who asks, as far as it is known without believing anything the caller says. */
export interface Caller {
  readonly requestId: string
  readonly receivedAt: number
  readonly source: string
  /** Said by the caller: for the record only. */
  readonly userAgent: string | undefined
}

/** What a DPoP proof must agree with (RFC 9449 4.3). */
export interface ProofFacts {
  /** Every DPoP field of the request; more than one is wrong. */
  readonly proofs: readonly string[]
  readonly method: string
  /** Scheme, authority and path as the client addressed them. */
  readonly url: string
}

/** One request, reduced to what every door can say about it. */
export interface Asked {
  readonly caller: Caller
  readonly presented: Presented
  readonly access: Access
  readonly parameters: Parameters
  readonly catalog: Catalog
  /** `phantom_in_body` and the like, once it is known which credential the request is to be given. */
  readonly marksWith: (credential: Credential | undefined) => readonly string[]
  /** Only for a grant that is bound to a key. */
  readonly proof: ProofFacts | undefined
}

export type Outcome = Omit<OutcomeEvent, 'requestId'>

/** One request that was let in. */
export interface Admission {
  readonly requestId: string
  /** Undefined where the host takes none. */
  readonly credential: Credential | undefined
  /**
   * Its intent, while that is still being written: no byte of an answer before it resolves, and an
   * end of everything when it rejects. Undefined: it is on disk.
   */
  readonly intent: Promise<void> | undefined
  /** One listener for when a revocation covers the grant, called at once if one does already. */
  whenCut(listener: () => void): void
  /** Records how it ended, the first time it is called. */
  close(outcome: Outcome): void
}

export interface Rejection {
  readonly refusal: Refusal
  /** Known from the moment the token is recognised. */
  readonly grant?: StoredGrant | undefined
  readonly digestPrefix?: string
  readonly marks?: readonly string[]
  /** It had an intent, and its outcome says why nothing was forwarded. */
  readonly isRecorded?: boolean
}

/** A rejection with what was known of the request by then. */
export interface RejectedRequest extends Rejection {
  readonly caller: Caller
  readonly access: Partial<Access>
  readonly parameters: Parameters
  readonly catalogDigest: string
}

export interface AdmissionParts {
  readonly audit: Pick<AuditLog, 'outcome'>
  readonly gate: Pick<Gate, 'open'>
  readonly grant: StoredGrant
  readonly requestId: string
  readonly credential: Credential | undefined
  readonly intent?: Promise<void> | undefined
}

/** Registers with the gate; the audit hears of its end exactly once. */
export class OpenAdmission implements Admission {
  readonly requestId: string
  readonly credential: Credential | undefined
  readonly intent: Promise<void> | undefined
  readonly #audit: Pick<AuditLog, 'outcome'>
  readonly #live: LiveAdmission
  #isClosed = false

  constructor({ audit, gate, grant, requestId, credential, intent }: AdmissionParts) {
    this.#live = gate.open(grant)
    this.#audit = audit
    this.requestId = requestId
    this.credential = credential
    this.intent = intent
    intent?.catch(() => undefined) // whoever sends an answer asks it, and others need not
  }

  whenCut(listener: () => void): void {
    this.#live.whenCut(listener)
  }

  close(outcome: Outcome): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#live.close()
    this.#audit.outcome({ requestId: this.requestId, ...outcome })
  }
}
