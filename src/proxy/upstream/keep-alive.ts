/** How long an unused connection stays good, by what its upstream says (`Keep-Alive: timeout=5`). */

export interface IdleLimits {
  readonly idleTimeoutMs: number
  readonly promisedIdleTimeoutMs: number
}

/** Left alone so long before the upstream's own end, since its clock starts before ours. */
const MARGIN_MS = 1_000

const TIMEOUT = /(?:^|[,;\s])timeout=(\d{1,9})(?:$|[,;\s])/i

/** 0 or less: the connection must not be kept. */
export function idleTimeMs(headers: readonly string[], limits: IdleLimits): number {
  const promised = promiseOf(headers)
  if (promised === undefined) return limits.idleTimeoutMs
  return Math.min(promised * 1000 - MARGIN_MS, limits.promisedIdleTimeoutMs)
}

function promiseOf(headers: readonly string[]): number | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue
    const seconds = TIMEOUT.exec(headers[at + 1] ?? '')?.[1]
    if (seconds !== undefined) return Number(seconds)
  }
  return undefined
}
