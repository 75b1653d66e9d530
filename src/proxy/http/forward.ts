/**
 * Step 7: the admitted request leaves, the answer comes back. What is under way is kept in one
 * set, so that a stop can end all of it.
 */

import type { Now } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { CredentialSource } from '../../secret/credential-source.ts'
import type { CredentialUse } from '../../secret/source-state.ts'
import type { AnswerListener, Call, UpstreamRequest, Upstreams } from '../upstream/upstream.ts'
import { destinationOf } from './destination.ts'
import type { Forwarding } from './forwarding.ts'
import { outgoingHead } from './outgoing.ts'
import { problemOfRefusal } from './problem.ts'
import { Transfer } from './transfer.ts'
import type { CutCause, TransferOwner } from './transfer.ts'
import { WithheldAnswer } from './withheld.ts'

export interface Forwarder {
  forward(forwarding: Forwarding): void
  /** Ends everything that is under way; returns how many requests that were. */
  cutAll(cause: CutCause): number
  /** Which versions of which credentials are under way. */
  credentialUses(): readonly CredentialUse[]
}

export interface ForwarderParts {
  readonly upstreams: Upstreams
  readonly credentials: Pick<CredentialSource, 'reconsider'>
  readonly now: Now
  readonly log: Log
}

/** Builds the forwarder; nothing is under way yet. */
export function createForwarder({ upstreams, credentials, now, log }: ForwarderParts): Forwarder {
  const live = new Set<Transfer>()
  const owner: TransferOwner = {
    send: (transfer, request) => send(upstreams, transfer, request),
    ended(transfer) {
      live.delete(transfer)
    },
    unauthorised({ forwarding }) {
      const { credential } = forwarding.admission
      if (credential) credentials.reconsider(credential.name)
    },
  }

  return {
    forward(forwarding) {
      const { admission, operation, headers, signed } = forwarding
      const { credential } = admission
      const head = outgoingHead({
        ...{ operation, headers, credential },
        payload: signed?.payload,
        now: now(),
      })
      if (!head.ok) {
        const { reason } = head.error
        log.error('credential_not_placed', { service: operation.service.id, reason })
        refuseUnplaced(forwarding)
        return
      }
      const transfer = new Transfer(forwarding, owner)
      live.add(transfer)
      transfer.begin(head.value)
    },
    cutAll(cause) {
      const open = [...live]
      for (const transfer of open) transfer.cut(cause)
      return open.length
    },
    credentialUses: () => countUses(live),
  }
}

function countUses(live: Iterable<Transfer>): readonly CredentialUse[] {
  const uses = new Map<string, CredentialUse>()
  for (const { forwarding } of live) {
    const { credential } = forwarding.admission
    if (!credential) continue
    const { name, version } = credential
    const key = `${name} ${version}`
    uses.set(key, { name, version, requests: (uses.get(key)?.requests ?? 0) + 1 })
  }
  return [...uses.values()]
}

function send(upstreams: Upstreams, transfer: Transfer, request: UpstreamRequest): Call {
  const { operation, admission } = transfer.forwarding
  const { credential, intent } = admission
  const destination = destinationOf(operation, credential?.name)
  if (!intent) return upstreams.send(destination, request, transfer)
  return withhold(transfer, intent, (answer) => upstreams.send(destination, request, answer))
}

/** The answer waits for the intent; when there will be none, its upstream call ends as well. */
function withhold(
  transfer: Transfer,
  intent: Promise<void>,
  begin: (answer: AnswerListener) => Call,
): Call {
  const answer = new WithheldAnswer(transfer, () => {
    call.resume()
  })
  const call = begin(answer)
  intent.then(
    () => {
      if (transfer.hasEnded()) answer.drop()
      else answer.release()
    },
    () => {
      answer.drop()
      transfer.cut('audit_unavailable')
    },
  )
  return call
}

/** The service's rules and the stored credential do not fit: only its operator can help. */
function refuseUnplaced(forwarding: Forwarding): void {
  const { admission, held } = forwarding
  held?.release()
  admission.close({
    result: 'failed',
    cause: 'credential_not_placed',
    requestBytes: 0,
    responseBytes: 0,
    durationsMs: { total: 0 },
  })
  const credential = admission.credential?.name ?? ''
  forwarding.answer(
    problemOfRefusal({ reason: 'credential_not_configured', credential }, admission),
  )
}
