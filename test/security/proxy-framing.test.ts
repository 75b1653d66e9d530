/** Hostile framing against the running data plane: one request in, at most one request out. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCorpus, type Row } from '../support/corpora.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { exchangeRaw } from '../support/raw-http.ts'

/** Each has an upstream of its own, so that cases can run side by side. */
let planes: TestPlane[]

beforeAll(async () => {
  const wire = { ...DEFAULT_LIMITS.wire, headTimeoutMs: 200, bodyIdleTimeoutMs: 200 }
  const limits = { wire: { ...wire, idleConnectionMs: 200 } }
  planes = await Promise.all(Array.from({ length: 8 }, () => startPlane({ limits })))
})

afterAll(() => Promise.all(planes.map((plane) => plane.stop())))

async function runCase(plane: TestPlane, row: Row): Promise<string | undefined> {
  plane.upstream.forget()
  const token = plane.issue()
  const raw = Buffer.from(row['raw_b64'] as string, 'base64')
    .toString('latin1')
    .replaceAll('__HOST__', 'localhost')
    .replaceAll('__TOKEN__', token)
  const { status } = await exchangeRaw(plane.port, raw)
  const received = plane.upstream.requests.length
  if (received > (row['max_upstream'] as number)) return `${received} requests went through`
  if (plane.upstream.count(token) > 0) return 'the token went through'
  const isRefused = status === 0 || status >= 400
  if (row['expected'] === 'reject' && !isRefused) return `it was answered ${status}`
  return undefined
}

describe('framing', () => {
  it.each(['http/http1-smuggling', 'http/http1-te-mutations'])(
    'HF-01 to HF-08: of %s no more requests go through than may',
    async (corpus) => {
      const queue = [...(readCorpus(corpus) ?? [])]
      const broken: string[] = []
      const worker = async (plane: TestPlane) => {
        for (let row = queue.pop(); row; row = queue.pop()) {
          const problem = await runCase(plane, row)
          if (problem !== undefined) broken.push(`${String(row['name'])}: ${problem}`)
        }
      }
      await Promise.all(planes.map(worker))
      expect(broken).toEqual([])
    },
  )
})
