/** How a request ended whose process ended first. */

import type { OutcomeEvent } from '../../audit/audit-log.ts'

/** Nothing is known about it; what is no number is written as null. */
export function unknownOutcome(requestId: string): OutcomeEvent {
  return {
    requestId,
    result: 'unknown',
    cause: 'process_ended',
    requestBytes: Number.NaN,
    responseBytes: Number.NaN,
    durationsMs: { total: Number.NaN },
  }
}
