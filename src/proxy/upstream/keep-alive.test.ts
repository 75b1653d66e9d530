import { expect, it } from 'vitest'
import { idleTimeMs } from './keep-alive.ts'

const LIMITS = { idleTimeoutMs: 4_000, promisedIdleTimeoutMs: 60_000 }

it.each([
  ['nothing', [], 4_000],
  ['another field', ['X-Keepalive', 'timeout=9'], 4_000],
  ['no timeout', ['Keep-Alive', 'max=100'], 4_000],
  ['less than the default', ['Keep-Alive', 'timeout=3'], 2_000],
  ['more, in other capitals and beside another', ['keep-ALIVE', 'max=5, Timeout=30'], 29_000],
  ['more than is believed', ['Keep-Alive', 'timeout=86400'], 60_000],
  ['no time at all', ['Keep-Alive', 'timeout=0'], -1_000],
  ['no number', ['Keep-Alive', 'timeout=-5'], 4_000],
  ['a number of a thousand digits', ['Keep-Alive', `timeout=${'9'.repeat(1000)}`], 4_000],
])('with %s said keeps a connection that long', (_case, headers, expected) => {
  expect(idleTimeMs(headers, LIMITS)).toBe(expected)
})
