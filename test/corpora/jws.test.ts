import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseJsonObject } from '../../src/token/json.ts'
import { createJwtVerifier } from '../../src/token/jwt.ts'
import { parsePublicJwk } from '../../src/token/jwk.ts'
import { decodeBase64url, parseJws, verifyJws } from '../../src/token/jws.ts'
import { generateSigningKey } from '../../src/token/keys.ts'
import { NOW } from '../support/grants.ts'
import { readCorpus } from '../support/corpora.ts'

/**
 * Wycheproof's JWS vectors. Which rows apply: those with a P-256 key go through the reader that
 * DPoP proofs take (ES256 is the one algorithm of the corpus that we verify at all) and get the
 * verdict of the corpus. HS256, RS*, PS* and ES512 do not exist in this code, so their rows, good
 * ones too, are refused. And no row at all is a phantom token.
 */

const rows = readCorpus('crypto/jws') ?? []
const titleOf = (row: (typeof rows)[number]) => `${String(row['name'])} ${String(row['comment'])}`
const curveOf = (jwk: unknown) => (jwk as { crv?: string } | null)?.crv

function isAccepted(text: string, publicJwk: unknown): boolean {
  const jws = parseJws(text, 8192)
  const header = jws && parseJsonObject(decodeBase64url(jws.header)?.toString() ?? '')
  const jwk = parsePublicJwk(publicJwk)
  if (!jws || !jwk || header?.['alg'] !== jwk.algorithm) return false
  return verifyJws(jws, jwk.algorithm, jwk.key)
}

describe.skipIf(rows.length === 0)('TK-06 the JWS corpus', () => {
  const p256 = rows.filter((row) => curveOf(row['public']) === 'P-256')

  it('has rows for ES256, good and bad', () => {
    expect(p256.filter((row) => row['expected'] === 'accept').length).toBeGreaterThan(1)
    expect(p256.length).toBeGreaterThan(35)
  })

  it.each(p256.map((row) => [titleOf(row), row] as const))('%s', (_title, row) => {
    expect(isAccepted(String(row['jws']), row['public'])).toBe(row['expected'] === 'accept')
  })

  it('is refused where its algorithm does not exist here', () => {
    const others = rows.filter((row) => curveOf(row['public']) !== 'P-256')
    for (const row of others) {
      const accepted = [row['public'], row['private']].some((key) =>
        isAccepted(String(row['jws']), key),
      )
      expect([titleOf(row), accepted]).toEqual([titleOf(row), false])
    }
  })

  it('holds no phantom token', () => {
    const publicKeys = [createPublicKey(generateSigningKey())]
    const verify = createJwtVerifier({ publicKeys, issuer: 'x', environment: 'production' })
    for (const row of rows) expect(verify(String(row['jws']), NOW).ok).toBe(false)
  })
})
