/** What can be asked and said about alerts. */

import type {
  AlertFilter,
  AlertTargetReport,
  AlertView,
  MuteRequest,
  MuteView,
} from './alert-types.ts'
import { pathOf, type Transport } from './transport.ts'
import type { Page } from './types.ts'

// The answers' types are the control plane's promise; test/contract holds it to them.
export function alertsOf(call: Transport) {
  return {
    list: async (filter: AlertFilter = {}) =>
      (await call({ method: 'GET', path: '/v1/alerts', query: { ...filter } })) as Page<AlertView>,
    /** Somebody looks after it. Twice is done. */
    acknowledge: async (id: string) =>
      (await call({ method: 'POST', path: pathOf('v1', 'alerts', id, 'ack') })) as AlertView,
    /** Sends a test alert to every target of the configuration. */
    test: async () =>
      (await call({ method: 'POST', path: '/v1/alerts/test' })) as Page<AlertTargetReport>,
    mute: async (mute: MuteRequest) =>
      (await call({ method: 'POST', path: '/v1/alerts/mutes', body: mute })) as MuteView,
    /** Those that hold. */
    mutes: async () => (await call({ method: 'GET', path: '/v1/alerts/mutes' })) as Page<MuteView>,
    unmute: async (id: string) => {
      await call({ method: 'DELETE', path: pathOf('v1', 'alerts', 'mutes', id) })
    },
  }
}
