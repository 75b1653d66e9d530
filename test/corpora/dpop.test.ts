import { describe, expect, it } from 'vitest'
import { verifyDpop } from '../../src/token/dpop.ts'
import type { DpopRequest } from '../../src/token/dpop.ts'
import { createReplay } from '../../src/token/replay.ts'
import { readCorpus } from '../support/corpora.ts'

const rows = readCorpus('crypto/dpop') ?? []

describe.skipIf(rows.length === 0)('TK-05 the DPoP corpus', () => {
  it.each(rows.map((row) => [String(row['name']), row] as const))('%s', async (_name, row) => {
    const request: DpopRequest = {
      proofs: Array<string>(Number(row['headers'] ?? 1)).fill(String(row['proof'])),
      method: String(row['method']),
      url: String(row['htu']),
      token: (row['access_token'] as string | null) ?? undefined,
      jkt: String(row['jkt']),
      now: Number(row['now']) * 1000,
      replay: createReplay(10),
    }
    if (row['replay']) expect((await verifyDpop(request)).ok).toBe(true)
    expect((await verifyDpop(request)).ok).toBe(row['expected'] === 'accept')
  })
})
