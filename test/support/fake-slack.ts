/** As much of Slack's Web API as the tests need. Slack says no with 200 and `ok: false`. */

import type { Respond } from './upstream.ts'

export function respondAsSlack(key: string): Respond {
  return (request) => {
    if (request.header('authorization') !== `Bearer ${key}`) {
      return { body: { ok: false, error: 'invalid_auth' } }
    }
    switch (request.target.split('?')[0] ?? '') {
      case '/api/auth.test':
        return { body: { ok: true, team: 'Acme', user: 'bot' } }
      case '/api/chat.postMessage':
        return { body: { ok: true, channel: 'C1', ts: '1700000000.000100' } }
      default:
        return { body: { ok: false, error: 'unknown_method' } }
    }
  }
}
