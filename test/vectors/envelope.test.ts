import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { unseal } from '../../src/secret/envelope.ts'
import { parseSealerPublicKey, parseVaultIdentity } from '../../src/secret/keys.ts'

interface Vectors {
  readonly identity: string
  readonly recipient: string
  readonly sealers: Record<string, string>
  readonly cases: readonly {
    readonly name: string
    readonly envelope: string
    readonly expect?: { env?: string; name?: string; minimumVersion?: number }
    readonly payload?: Record<string, unknown>
    readonly problem?: string
  }[]
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, 'envelope.json'), 'utf8'),
) as Vectors
const sealers = new Map(
  Object.entries(vectors.sealers).map(([name, text]) => {
    const parsed = parseSealerPublicKey(text)
    if (!parsed.ok) throw new Error(parsed.error.problem)
    return [name, parsed.value] as const
  }),
)

describe('the envelope vectors', () => {
  it('name the recipient that belongs to their identity', async () => {
    expect((await parseVaultIdentity(vectors.identity)).recipient).toBe(vectors.recipient)
  })

  it.each(vectors.cases)('$name', async ({ envelope, expect: expected, payload, problem }) => {
    const { identity } = await parseVaultIdentity(vectors.identity)
    const purpose = { env: 'production', name: 'stripe', minimumVersion: 0, ...expected }
    const opened = await unseal(envelope, { identity, sealers, ...purpose })
    if (!opened.ok) {
      expect(opened.error.reason).toBe(problem)
      return
    }
    const { fields, ...rest } = opened.value
    const revealed = [...fields].map(([name, value]) => [name, value.reveal()] as const)
    expect({ ...rest, fields: Object.fromEntries(revealed) }).toEqual(payload)
  })
})
