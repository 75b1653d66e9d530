/** A plane's certificate and private key, read from their files and fit for each other. */

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { TlsFiles } from './listeners.ts'

export type Plane = 'data' | 'control'

export interface TlsPair {
  /** PEM; the plane's own certificate first. */
  readonly cert: string
  readonly key: string
  readonly expiresAt: number
  /** SHA-256 of the plane's own certificate, in hex. */
  readonly fingerprint: string
}

/** Enough to get a new one signed by hand. */
const SOON_MS = 14 * 86_400_000

/** Throws `config_invalid` naming the setting; an expired certificate is the caller's to judge. */
export function readTlsPair(plane: Plane, files: TlsFiles): TlsPair {
  const certFile = { setting: `${plane}.tls.cert_file`, path: files.cert }
  const keyFile = { setting: `${plane}.tls.key_file`, path: files.key }
  const cert = readText(certFile)
  const certificate = parse(certFile, 'holds no certificate in PEM', () => {
    return new X509Certificate(cert)
  })
  const key = readKey(keyFile)
  if (!certificate.checkPrivateKey(key.object))
    throw problem(keyFile, `does not belong to the certificate in ${files.cert}`)
  parse(certFile, 'cannot be used as a certificate chain', () => {
    return createSecureContext({ cert, key: key.text })
  })
  return {
    cert,
    key: key.text,
    expiresAt: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** What to say of a certificate's end at this instant; undefined while it is far away. */
export function expiryOf(
  { expiresAt }: TlsPair,
  now: number,
): 'expired' | 'expires_soon' | undefined {
  if (expiresAt <= now) return 'expired'
  return expiresAt - now < SOON_MS ? 'expires_soon' : undefined
}

interface NamedFile {
  readonly setting: string
  readonly path: string
}

function readKey(file: NamedFile): { readonly text: string; readonly object: KeyObject } {
  const text = readText(file, (mode) => {
    if ((mode & 0o007) === 0) return
    throw problem(file, 'can be read or changed by every user of this machine: run chmod 600')
  })
  const object = parse(file, 'holds no private key in PEM without a passphrase', () => {
    return createPrivateKey(text)
  })
  return { text, object }
}

/** `judge` sees the mode of the very file that is then read, wherever links lead. */
function readText(file: NamedFile, judge?: (mode: number) => void): string {
  try {
    const descriptor = openSync(file.path, 'r')
    try {
      judge?.(fstatSync(descriptor).mode)
      return readFileSync(descriptor, 'utf8')
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw problem(file, `cannot be read (${systemErrorCode(error) ?? 'no reason'})`)
  }
}

/** Node's own errors may quote what they could not read. */
function parse<T>(file: NamedFile, otherwise: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw problem(file, otherwise)
  }
}

function problem({ setting, path }: NamedFile, what: string): Failure {
  return new Failure('config_invalid', `${setting}: ${path} ${what}`)
}
