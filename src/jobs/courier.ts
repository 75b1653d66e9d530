/**
 * Brings alerts to their targets. Each target has a lane of its own, so that one that hangs holds
 * up nobody else; what waits is in the database, so that a restart goes on where this one was.
 */

import { newId } from '../base/ids.ts'
import type { AlertNotice, Delivered } from '../insight/alert-target.ts'
import type { CourierParts } from './courier-parts.ts'
import { Lane } from './lane.ts'

export interface TargetReport {
  readonly target: string
  /** Absent when it arrived. */
  readonly problem?: string
}

export interface Courier {
  /** Looks at what waits, at once. Returns before anything is delivered. */
  wake(): void
  /** Sends a test alert to every target, past the queues, and waits for what they say. */
  test(): Promise<readonly TargetReport[]>
  /** Ends what is under way; what did not arrive stays in the outbox. */
  close(): Promise<void>
}

export function createCourier(parts: CourierParts): Courier {
  const closing = new AbortController()
  const lanes = new Map<string, Lane>()

  async function forgetOthers(names: readonly string[]): Promise<void> {
    const dropped = await parts.outbox.keepOnly(names)
    if (dropped > 0) parts.log.warn('alert_targets_gone', { dropped })
  }

  return {
    wake() {
      if (closing.signal.aborted) return
      const names = parts.targets().map(({ name }) => name)
      forgetOthers(names).catch(() => {
        parts.log.error('alert_outbox_unavailable', {})
      })
      for (const name of names) {
        const lane = lanes.get(name) ?? new Lane({ ...parts, name, signal: closing.signal })
        lanes.set(name, lane)
        lane.wake()
      }
    },
    test: () =>
      Promise.all(
        parts.targets().map(async (target) => {
          const sent = await target.deliver(testNotice(parts), closing.signal)
          return reportOf(target.name, sent)
        }),
      ),
    async close() {
      closing.abort()
      await Promise.all([...lanes.values()].map((lane) => lane.idle()))
    },
  }
}

function reportOf(target: string, sent: Delivered): TargetReport {
  return sent.ok ? { target } : { target, problem: sent.error.problem }
}

function testNotice({ environment, now }: CourierParts): AlertNotice {
  const at = now()
  return {
    id: newId('msg'),
    environment,
    at,
    isTest: true,
    alert: {
      id: newId('alt'),
      rule: 'test',
      score: 1,
      reason: 'a test of the way to this target: nothing happened',
      firstAt: at,
      lastAt: at,
      count: 1,
      status: 'open',
      actions: [],
    },
  }
}
