import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { converse, inBytes, inLines } from '../support/conversation.ts'

/** Connections that parsers have disagreed on, ours included: findings of `npm run fuzz` go here. */

interface Vector {
  readonly name: string
  readonly why: string
  /** One character per byte. */
  readonly bytes: string
  /** How many whole requests are in it, and how it ends. */
  readonly requests: number
  readonly end: string
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, 'http1.json'), 'utf8'),
) as readonly Vector[]

describe('HTTP/1.1 on one connection', () => {
  it.each(vectors)('gives $requests requests for $name', ({ bytes, requests, end }) => {
    const whole = Buffer.from(bytes, 'latin1')
    for (const segments of [[whole], inBytes(whole), inLines(whole)]) {
      const conversation = converse(segments)
      expect(conversation).toMatchObject({ end })
      expect(conversation.requests).toHaveLength(requests)
    }
  })
})
