/** What every successful call through the proxy must look like from the upstream's side. */

import { expect } from 'vitest'
import { findSecret } from './canary.ts'
import type { RecordedRequest, Upstream } from './upstream.ts'

export interface ExpectedSwap {
  readonly key: string
  readonly token: string
  /** Header that carries the credential, and its whole value. */
  readonly header: string
  readonly value: string
}

/**
 * Each recorded request carries the real key once, in its header; no connection carried the
 * phantom in any form, nor a header of ours.
 */
export function expectSwap(upstream: Upstream, { key, token, header, value }: ExpectedSwap): void {
  expect(upstream.requests.length).toBeGreaterThan(0)
  for (const request of upstream.requests) {
    expect(request.header(header)).toBe(value)
    expect(count(request, value)).toBe(1)
    expect(request.headers.map(([name]) => name.toLowerCase())).not.toContain('x-phantom-token')
  }
  // Basic credentials are the one form that hides the key itself.
  const clear = upstream.count(key)
  expect(clear).toBe(value.includes(key) ? upstream.requests.length : 0)
  expect(upstream.connections.flatMap((bytes) => findSecret(bytes, token))).toEqual([])
}

function count({ head, body }: RecordedRequest, text: string): number {
  return Buffer.concat([head, body]).toString('latin1').split(text).length - 1
}
