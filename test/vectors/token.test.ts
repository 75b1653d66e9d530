import { createPrivateKey } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTokenDigest } from '../../src/token/digest.ts'
import type { TokenGrant } from '../../src/token/claims.ts'
import { createJwtVerifier, mintJwt } from '../../src/token/jwt.ts'
import { keyIdOf } from '../../src/token/jwk.ts'
import { deriveKeys, parseGrantMac } from '../../src/token/keys.ts'
import { parseToken } from '../../src/token/token.ts'

interface Vectors {
  readonly grantMac: string
  readonly derivedKeys: Readonly<Record<string, string>>
  readonly digests: readonly { readonly token: string; readonly digest: string }[]
  readonly tokens: readonly {
    readonly text: string
    readonly kind: string
    readonly mode: string
  }[]
  readonly malformed: readonly { readonly text: string; readonly why: string }[]
  readonly jwt: {
    readonly privateJwk: JsonWebKey
    readonly kid: string
    readonly issuer: string
    readonly environment: string
    readonly grant: Omit<TokenGrant, 'scopes'> & { readonly scopes: readonly string[] }
    readonly text: string
  }
}

const text = readFileSync(new URL('token.json', import.meta.url), 'utf8')
const vectors = JSON.parse(text) as Vectors
const keys = deriveKeys(parseGrantMac(vectors.grantMac)!)

describe('token vectors', () => {
  it.each(vectors.tokens)('$text is a $kind token for $mode', (token) => {
    expect(parseToken(token.text)).toEqual(token)
  })

  it.each(vectors.malformed)('TK-09 no token: $why', ({ text: malformed }) => {
    expect(parseToken(malformed)).toBeUndefined()
  })

  it('derives these sub-keys', () => {
    const derived = Object.entries(keys).map(([use, key]) => [
      use,
      key.export().toString('base64url'),
    ])
    expect(Object.fromEntries(derived)).toEqual(vectors.derivedKeys)
  })

  it.each(vectors.digests)('TK-04 stores $token as $digest', ({ token, digest }) => {
    expect(createTokenDigest(keys.digest)(token)).toBe(digest)
  })
})

describe('jwt vector', () => {
  const { privateJwk, kid, issuer, environment } = vectors.jwt
  const privateKey = createPrivateKey({ key: privateJwk, format: 'jwk' })
  const grant = { ...vectors.jwt.grant, scopes: new Set(vectors.jwt.grant.scopes) }

  it('names the key by its RFC 7638 thumbprint', () => {
    expect(keyIdOf(privateKey)).toBe(kid)
  })

  it('mints this very text', () => {
    expect(mintJwt(grant, { privateKey, issuer, environment })).toBe(vectors.jwt.text)
  })

  it('reads it back', () => {
    const verify = createJwtVerifier({ publicKeys: [privateKey], issuer, environment })
    expect(verify(vectors.jwt.text, grant.issuedAt)).toEqual({ ok: true, value: grant })
  })
})
