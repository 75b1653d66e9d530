/**
 * Refusals that the audit could not take, said in the log: the first by its request, the ones behind
 * it as a count, since nobody who is refused over and over must be able to flood the log.
 */

import type { Log } from '../base/log.ts'

export interface Unrecorded {
  note(refused: { readonly requestId: string; readonly reason: string }): void
}

const INTERVAL_MS = 10_000

export function createUnrecorded(log: Log, intervalMs = INTERVAL_MS): Unrecorded {
  let timer: NodeJS.Timeout | undefined
  let others = 0
  const wait = (): void => {
    timer = setTimeout(tell, intervalMs).unref()
  }
  const tell = (): void => {
    timer = undefined
    if (others === 0) return
    log.error('refusals_not_recorded', { count: others })
    others = 0
    wait()
  }
  return {
    note(refused) {
      if (timer) {
        others++
        return
      }
      log.error('refusal_not_recorded', refused)
      wait()
    },
  }
}
