/** Time comes in as a function, so that decisions stay pure and tests need no waiting. */

/** Wall clock in epoch milliseconds. */
export type Now = () => number

export const systemNow: Now = () => Date.now()

/** How often one timer must look after several timeouts: late by a quarter of the shortest, or `mostMs`. */
export function sweepIntervalMs(mostMs: number, timeoutsMs: readonly number[]): number {
  return Math.max(10, Math.min(mostMs, Math.min(...timeoutsMs) / 4))
}
