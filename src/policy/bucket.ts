/** A token bucket as a value: sustained rate, and a burst of one second's worth. */

export interface Bucket {
  /** Requests that may start right now, with fractions. */
  readonly level: number
  readonly filledAt: number
}

export type Draw =
  | { readonly allowed: true; readonly bucket: Bucket }
  | { readonly allowed: false; readonly bucket: Bucket; readonly retryAfterSeconds: number }

/** A burst is one second's worth, and never less than one request. */
function burstOf(ratePerSecond: number): number {
  return Math.max(1, ratePerSecond)
}

export function fullBucket(ratePerSecond: number, now: number): Bucket {
  return { level: burstOf(ratePerSecond), filledAt: now }
}

/** Takes one request out, or says when there will be one. A clock that went back adds nothing. */
export function draw(bucket: Bucket, ratePerSecond: number, now: number): Draw {
  const elapsedSeconds = Math.max(0, now - bucket.filledAt) / 1000
  const level = Math.min(burstOf(ratePerSecond), bucket.level + elapsedSeconds * ratePerSecond)
  const filled = { level, filledAt: now }
  if (level >= 1) return { allowed: true, bucket: { ...filled, level: level - 1 } }
  const retryAfterSeconds = Math.max(1, Math.ceil((1 - level) / ratePerSecond))
  return { allowed: false, bucket: filled, retryAfterSeconds }
}
