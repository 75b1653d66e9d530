import { describe, expect, it } from 'vitest'
import { parseAuthorization } from '../../src/injection/sigv4/authorization.ts'
import {
  canonicalRequest,
  sha256,
  signatureOf,
  signingKey,
  stringToSign,
} from '../../src/injection/sigv4/canonical.ts'
import { verifySignature } from '../../src/injection/sigv4/verify.ts'
import { readCorpus, type Row } from '../support/corpora.ts'

const rows = readCorpus('crypto/aws-sigv4') ?? []

/** As the suite writes it; folded lines, which our parser refuses, are values of their own there. */
function read({ req_b64: encoded }: Row) {
  const [head = '', body = ''] = Buffer.from(String(encoded), 'base64')
    .toString('latin1')
    .replace(/\r/g, '')
    .split('\n\n')
  const [line = '', ...fields] = head.replace(/\n[ \t]+/g, ',').split('\n')
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/1\.1$/.exec(line) ?? []
  const [path = '', query] = target.split(/\?(.*)/s)
  const headers = fields.map((field): readonly [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1)]
  })
  return { method, path, query, headers, payload: sha256(Buffer.from(body, 'latin1')) }
}

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const AT = Date.UTC(2015, 7, 30, 12, 36, 0)

describe.skipIf(rows.length === 0)("AWS's own test suite for signature version 4", () => {
  it('is here in full', () => {
    expect(rows).toHaveLength(31)
  })

  // Two of them say Content-Length in one file and another body in the next.
  it.each(rows.filter((row) => row['self_consistent'] === true).map((row) => [row['name'], row]))(
    '%s',
    (_, row) => {
      const request = read(row)
      const authorization = parseAuthorization(String(row['authorization']))
      if (!authorization) throw new Error('the field cannot be read')
      const { scope, signedHeaders } = authorization
      const canonical = canonicalRequest({ ...request, signedHeaders, isS3: false })
      expect(Buffer.from(canonical, 'latin1').toString()).toBe(row['canonical_request'])
      const text = stringToSign('20150830T123600Z', scope, canonical)
      expect(text).toBe(row['string_to_sign'])
      expect(signatureOf(signingKey(SECRET, scope), text)).toBe(authorization.signature)
      const verdict = verifySignature({ ...request, authorization }, SECRET, AT)
      expect(verdict.ok).toBe(true)
      expect(verifySignature({ ...request, authorization }, `${SECRET}x`, AT).ok).toBe(false)
    },
  )
})
