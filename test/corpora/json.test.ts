import { describe, expect, it } from 'vitest'
import { scanJson } from '../../src/catalog/json-scan.ts'
import { readCorpus } from '../support/corpora.ts'

/** The JSON parsing test suite: one reading of every text, or none. */

const cases = (readCorpus('http/json-parsing') ?? []).map((row) => ({
  name: String(row.name),
  bytes: Buffer.from(String(row.body_b64), 'base64'),
  expected: String(row.expected),
}))

/** Whether the text is JSON. Duplicate keys are, though no condition may be judged on them. */
async function accepts(bytes: Buffer): Promise<boolean> {
  const scanned = await scanJson(bytes, {
    root: undefined,
    member: () => undefined,
    element: () => undefined,
    value: (_, text) => {
      text?.()
    },
  })
  return scanned.ok || scanned.error === 'json_duplicate_key'
}

describe.skipIf(cases.length === 0)('the JSON corpus', () => {
  it.each(['accept', 'reject'])('AV-06 %ss what it must', async (expected) => {
    const asked = cases.filter((test) => test.expected === expected)
    const wrong: string[] = []
    for (const { name, bytes } of asked)
      if ((await accepts(bytes)) !== (expected === 'accept')) wrong.push(name)
    expect(asked.length).toBeGreaterThan(90)
    expect(wrong).toEqual([])
  })

  it('gives some answer where either is right, and agrees with JSON.parse where it accepts', async () => {
    for (const { bytes, expected } of cases) {
      if (!(await accepts(bytes)) || expected === 'reject') continue
      expect(() => {
        JSON.parse(bytes.toString('utf8'))
      }).not.toThrow()
    }
  })
})
