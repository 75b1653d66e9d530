/** What the wire turned away, in the words of every other refusal; counted, since nobody is known. */

import { newRequestId } from '../../base/ids.ts'
import type { Now } from '../../base/clock.ts'
import type { AuditLog } from '../../audit/audit-log.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { Malformed, WireAnswer } from '../wire/message.ts'
import { formatProblem } from './answer.ts'
import type { Directory } from './directory.ts'
import { problemOfRefusal } from './problem.ts'

export interface MalformedParts {
  readonly audit: Pick<AuditLog, 'count'>
  readonly directory: () => Directory
  readonly now: Now
}

/** Builds the answer to bytes that are no request. */
export function createMalformedAnswer({ audit, directory, now }: MalformedParts) {
  return ({ status, problem, source, listener }: Malformed): WireAnswer => {
    const requestId = newRequestId()
    const refusal: Refusal = { reason: 'request_malformed', problem }
    const { service: id } = listener
    audit.count({ requestId, at: now(), reason: refusal.reason, source, service: id })
    return formatProblem(
      { ...problemOfRefusal(refusal, { requestId }), status },
      {
        service: id === undefined ? undefined : directory().catalog.services.get(id),
        userAgent: '',
        contentType: undefined,
      },
    )
  }
}
