/** The Authorization field of a signed request, as its client wrote it. */

import { ALGORITHM, type SigningScope } from './canonical.ts'

export interface Authorization {
  readonly accessKeyId: string
  readonly scope: SigningScope
  /** Lower case, sorted, none twice. */
  readonly signedHeaders: readonly string[]
  /** 64 hex characters. */
  readonly signature: string
}

const FORM = new RegExp(
  `^${ALGORITHM} +Credential=(\\w{1,128})/(\\d{8})/([a-z0-9-]{1,40})/([a-z0-9-]{1,40})/aws4_request *, *` +
    'SignedHeaders=([!-:<-~;]{1,4096}?) *, *Signature=([0-9a-f]{64})$',
)

/** Whether a field's value is a signature at all, of whatever version. */
export function isSignature(value: string): boolean {
  return /^AWS4-/i.test(value)
}

/** Undefined for everything but a complete SigV4 field in the one order that clients write. */
export function parseAuthorization(value: string): Authorization | undefined {
  const [, accessKeyId, day, region, service, names, signature] = FORM.exec(value) ?? []
  if (!accessKeyId || !day || !region || !service || !names || !signature) return undefined
  const signedHeaders = names.split(';')
  const isSorted = signedHeaders.every(
    (name, index) =>
      /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && (signedHeaders[index - 1] ?? '') < name,
  )
  return isSorted
    ? { accessKeyId, scope: { day, region, service }, signedHeaders, signature }
    : undefined
}
