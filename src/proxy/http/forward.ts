/**
 * Step 7: the admitted request leaves, the answer comes back. What is under way is kept in one
 * set, so that a stop can end all of it.
 */

import type { Log } from '../../base/log.ts'
import type { Operation } from '../../catalog/catalog.ts'
import type { CredentialSource } from '../../secret/credential-source.ts'
import type { Admission } from '../admission.ts'
import type { Upstreams } from '../upstream/pool.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import { authorityOf, destinationOf } from './destination.ts'
import type { Directory } from './directory.ts'
import type { HeldBody } from './facts.ts'
import type { HeaderList } from './headers.ts'
import { outgoingHead } from './outgoing.ts'
import { problemOfRefusal } from './problem.ts'
import type { Problem } from './problem.ts'
import type { DoorAddress } from './rewrite.ts'
import { Transfer } from './transfer.ts'
import type { CutCause } from './transfer.ts'

export interface Forwarding {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly admission: Admission
  readonly directory: Directory
  readonly operation: Operation
  readonly headers: HeaderList
  readonly held: HeldBody | undefined
  /** The door's own segment, as `/stripe`, or nothing. */
  readonly prefix: string
  readonly startedAt: number
  readonly answer: (problem: Problem) => void
}

export interface Forwarder {
  forward(forwarding: Forwarding): void
  /** Ends everything that is under way; returns how many requests that were. */
  cutAll(cause: CutCause): number
  readonly liveCount: number
}

export interface ForwarderParts {
  readonly upstreams: Upstreams
  readonly credentials: Pick<CredentialSource, 'reconsider'>
  readonly log: Log
}

/** Builds the forwarder; nothing is under way yet. */
export function createForwarder({ upstreams, credentials, log }: ForwarderParts): Forwarder {
  const live = new Set<Transfer>()
  const ended = (transfer: Transfer): void => {
    live.delete(transfer)
  }

  return {
    forward(forwarding) {
      const { request, admission, operation, headers, held } = forwarding
      const { credential } = admission
      const contentLength = held ? undefined : streamedLength(request)
      const outgoing = outgoingHead({ operation, headers, credential, contentLength })
      if (!outgoing.ok) {
        const { reason } = outgoing.error
        log.error('credential_not_placed', { service: operation.service.id, reason })
        refuseUnplaced(forwarding)
        return
      }
      const destination = destinationOf(operation, credential?.name)
      const transfer = new Transfer({
        ...forwarding,
        outgoing: outgoing.value,
        door: () => doorOf(forwarding),
        ended,
        unauthorised: () => {
          if (credential) credentials.reconsider(credential.name)
        },
      })
      live.add(transfer)
      transfer.begin((sent, listener) => upstreams.send(destination, sent, listener))
    },
    cutAll(cause) {
      const open = [...live]
      for (const transfer of open) transfer.cut(cause)
      return open.length
    },
    get liveCount() {
      return live.size
    },
  }
}

/** Declared length of a body that is not read here; chunked ones stay chunked. */
function streamedLength({ body }: WireRequest): number | undefined {
  return body.isPresent ? body.length : undefined
}

/** The service's rules and the stored credential do not fit: only its operator can help. */
function refuseUnplaced({ admission, answer }: Forwarding): void {
  admission.close({
    result: 'failed',
    cause: 'credential_not_placed',
    requestBytes: 0,
    responseBytes: 0,
    durationsMs: { total: 0 },
  })
  const credential = admission.credential?.name ?? ''
  answer(problemOfRefusal({ reason: 'credential_not_configured', credential }, admission))
}

function doorOf({ request, directory, operation, prefix }: Forwarding): DoorAddress {
  const { service, host } = operation
  const { listener } = request
  const scheme = listener.isSecure ? 'https' : 'http'
  return {
    catalog: directory.catalog,
    service,
    origin: `${scheme}://${request.host ?? listener.address}`,
    prefix,
    host,
    dialledAuthority: service.origin ? authorityOf(service, host) : undefined,
  }
}
