/** The certificate authority of a control plane elsewhere, from the file that the operator names. */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Failure, systemErrorCode } from '../base/errors.ts'

/** PEM; throws `usage_invalid` when the file holds no certificate. */
export function readAuthority(path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    new X509Certificate(text)
    return text
  } catch (error) {
    const code = systemErrorCode(error) ?? ''
    const why = /^E[A-Z]+$/.test(code) ? `cannot be read (${code})` : 'holds no certificate in PEM'
    throw new Failure('usage_invalid', `${path} ${why}`)
  }
}
