/**
 * The one path from a phantom token to a credential: every door authenticates and admits here.
 * Nobody else decides, releases a credential, or records a request.
 */

import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Access } from '../policy/access.ts'
import { refuseSource } from '../policy/bindings.ts'
import { decide, refuseDead } from '../policy/decide.ts'
import { defined } from '../policy/defined.ts'
import type { Gate } from '../policy/gate.ts'
import type { StoredGrant } from '../policy/grant-store.ts'
import type { Quota } from '../policy/quota.ts'
import type { Refusal } from '../policy/refusal.ts'
import type { Credential, CredentialSource } from '../secret/credential-source.ts'
import { OpenAdmission } from './admission.ts'
import type { Admission, Asked, Caller, RejectedRequest, Rejection } from './admission.ts'
import { refuseBinding } from './bindings.ts'
import type { BindingParts } from './bindings.ts'
import type { LastUsed } from './last-used.ts'
import type { Presented, Recogniser } from './recognise.ts'
import { createUnrecorded, type Unrecorded } from './unrecorded.ts'

export interface Exchange {
  /** Token and source to a live grant. */
  authenticate(presented: Presented, caller: Caller): Promise<Result<StoredGrant, Rejection>>
  /** Grant and access to a credential; its intent is durable when this answers, if `intent` is absent. */
  admit(grant: StoredGrant, asked: Asked): Promise<Result<Admission, Rejection>>
  /** Records a rejection: one record for a recognised token, a count before that. Never throws. */
  record(rejected: RejectedRequest): Promise<void>
}

export interface ExchangeParts extends BindingParts {
  readonly recogniser: Recogniser
  readonly gate: Gate
  readonly quota: Quota
  readonly credentials: CredentialSource
  readonly audit: AuditLog
  readonly lastUsed: LastUsed
  /** `audit.dangerously_before_response`: what waits for the intent is the answer, not the request. */
  readonly auditsBeforeResponse?: boolean
  readonly log: Log
}

/** Builds the exchange from its parts. main.ts passes real ones, tests in-memory ones. */
export function createExchange(parts: ExchangeParts): Exchange {
  const { audit } = parts
  const unrecorded = createUnrecorded(parts.log)
  return {
    async authenticate(presented, { source, receivedAt }) {
      const { recogniser } = parts
      const known = recogniser.recall(presented)
      const found = known ? ok(known) : await recogniser.recognise(presented, source, receivedAt)
      if (!found.ok) return found
      const grant = found.value
      const refusal = refuseNow(parts, grant) ?? refuseSource(grant, source)
      return refusal ? err({ refusal, grant }) : found
    },

    async admit(grant, asked) {
      const refusal = await refuseAccess(parts, grant, asked)
      if (refusal) return err({ refusal, grant })
      const released = await release(parts, asked.access)
      if (!released.ok) return err({ ...released.error, grant })
      const cleared = { grant, asked, credential: released.value }
      const intent = recordIntent(parts, cleared)
      if (mayLeaveBefore(parts, grant)) return open(parts, { ...cleared, intent })
      try {
        await intent
      } catch {
        return err({ refusal: { reason: 'audit_unavailable' }, grant })
      }
      return open(parts, cleared)
    },

    record: (rejected) => record({ audit, unrecorded }, rejected),
  }
}

/** Bindings, scopes, limits, gate. The first no wins. */
async function refuseAccess(
  parts: ExchangeParts,
  grant: StoredGrant,
  asked: Asked,
): Promise<Refusal | undefined> {
  const { access, catalog } = asked
  const decision = decide(grant, access, { now: parts.now(), scopes: catalog.scopes })
  if (!decision.ok) return decision.error
  try {
    const refusal =
      (await refuseBinding(parts, grant, asked)) ?? (await parts.quota.take(grant, parts.now()))
    return refusal ?? refuseNow(parts, grant)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    parts.log.error('grant_store_failed', { code: error.code })
    return { reason: 'replica_stale' }
  }
}

/** Synchronous: whether the grant is dead, revoked, held, or of an agent that is, at this instant. */
function refuseNow({ gate, now }: ExchangeParts, grant: StoredGrant): Refusal | undefined {
  return refuseDead(grant, now()) ?? refuseGate(gate, grant)
}

function refuseGate(gate: Gate, grant: StoredGrant): Refusal | undefined {
  const state = gate.state(grant)
  switch (state) {
    case 'open':
      return undefined
    case 'revoked':
      return defined({ reason: 'token_revoked' as const, revokedAt: gate.closedAt(grant) })
    case 'agent_disabled':
      return defined({ reason: 'agent_disabled' as const, revokedAt: gate.closedAt(grant) })
    case 'suspended':
      return defined({ reason: 'token_suspended' as const, suspendedAt: gate.closedAt(grant) })
    case 'stale':
      return { reason: 'replica_stale' }
  }
}

/** The credential that may go to the access's origin, right now. */
async function release(
  { credentials, log }: ExchangeParts,
  { credential: name, origin }: Access,
): Promise<Result<Credential | undefined, Omit<Rejection, 'grant'>>> {
  if (name === undefined) return ok(undefined)
  const found = credentials.peek?.(name, origin) ?? (await credentials.get(name, origin))
  if (found.ok) return found
  const { reason } = found.error
  log.warn('credential_withheld', { credential: name, reason })
  if (reason === 'secret_unavailable') {
    return err({ refusal: { reason: 'secret_unavailable', credential: name } })
  }
  const refusal = { reason: 'credential_not_configured', credential: name } as const
  if (reason === 'credential_not_configured') return err({ refusal })
  return err({ refusal: { ...refusal, isSealedElsewhere: true }, marks: [reason] })
}

interface Cleared {
  readonly grant: StoredGrant
  readonly asked: Asked
  readonly credential: Credential | undefined
  /** Still being written. */
  readonly intent?: Promise<void>
}

async function recordIntent(
  { audit }: ExchangeParts,
  { grant, asked, credential }: Cleared,
): Promise<void> {
  await audit.intent({
    grant,
    access: asked.access,
    parameters: asked.parameters,
    catalogDigest: asked.catalog.digest,
    credential: credential && { name: credential.name, version: credential.version },
    marks: asked.marksWith(credential),
    ...agentOf(asked.caller),
  })
}

/** A grant that is dead by now, and an audit that is down already, take the ordinary way to a no. */
function mayLeaveBefore(parts: ExchangeParts, grant: StoredGrant): boolean {
  if (parts.auditsBeforeResponse !== true) return false
  return parts.audit.status().writable && refuseNow(parts, grant) === undefined
}

/**
 * The last look, without an await behind it: the disk may have been slow, and a token that was
 * revoked or ran out meanwhile gets nothing. Its intent is then closed at once.
 */
function open(
  parts: ExchangeParts,
  { grant, asked, credential, intent }: Cleared,
): Result<Admission, Rejection> {
  const { requestId, receivedAt } = asked.access
  const refusal = refuseNow(parts, grant)
  if (refusal) {
    parts.audit.outcome({
      requestId,
      result: 'cut',
      cause: refusal.reason === 'token_expired' ? 'token_expired' : 'terminated_by_revoke',
      requestBytes: 0,
      responseBytes: 0,
      durationsMs: { total: parts.now() - receivedAt },
    })
    return err({ refusal, grant, isRecorded: true })
  }
  parts.lastUsed.note(grant.id, receivedAt)
  const { audit, gate } = parts
  return ok(new OpenAdmission({ audit, gate, grant, requestId, credential, intent }))
}

interface RecordParts {
  readonly audit: AuditLog
  readonly unrecorded: Unrecorded
}

async function record(
  { audit, unrecorded }: RecordParts,
  rejected: RejectedRequest,
): Promise<void> {
  const { refusal, grant, digestPrefix, caller, access, isRecorded } = rejected
  const { requestId, receivedAt: at, source } = caller
  if (isRecorded === true) return
  const base = { requestId, at, source, ...agentOf(caller) }
  if (!grant) {
    const event = { ...base, reason: refusal.reason, service: access.service }
    audit.count(digestPrefix === undefined ? event : { ...event, digestPrefix })
    return
  }
  const { parameters, catalogDigest, marks = [] } = rejected
  try {
    await audit.refusal({ ...base, grant, refusal, access, parameters, catalogDigest, marks })
  } catch {
    // It stays a refusal; that the audit is down is what the next request will be told.
    unrecorded.note({ requestId, reason: refusal.reason })
  }
}

function agentOf({ userAgent }: Caller): { userAgent?: string } {
  return userAgent === undefined ? {} : { userAgent }
}
