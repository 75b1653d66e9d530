/** An alert as machines get it, over whichever way: one JSON object on one line of ASCII. */

import type { AlertNotice } from '../insight/alert-target.ts'

/** Everything but printable ASCII, so that no reader takes a character for something else. */
const OTHER = /[^\x20-\x7e]/g

/** The payload that Standard Webhooks asks for: type, timestamp, data. */
export function formatNotice({ id, alert, environment, at, isTest }: AlertNotice): string {
  const message = {
    type: isTest ? 'alert.test' : 'alert.raised',
    timestamp: new Date(at).toISOString(),
    data: { messageId: id, environment, alert },
  }
  return JSON.stringify(message).replace(OTHER, escapeUnit)
}

/** Outside of strings JSON has no such characters, so the escape always stands inside of one. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
