/**
 * A private certificate authority for tests: good leaf certificates, and each kind of bad one
 * that a client must refuse. Keys are P-256 and live as long as the test.
 */

import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import {
  bits,
  boolean,
  integer,
  objectId,
  octets,
  sequence,
  set,
  tagged,
  utcTime,
  utf8,
} from './der.ts'

/** What a TLS server needs, as PEM text. */
export interface Leaf {
  readonly cert: string
  readonly key: string
}

export interface LeafOptions {
  /** DNS names and addresses of the subject alternative name; none leaves the extension out. */
  readonly names: readonly string[]
  readonly commonName?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
}

export interface Authority {
  /** The root's certificate as PEM text: what a client is told to trust. */
  readonly certificate: string
  issue(options: LeafOptions): Leaf
}

/** Certificates that no client may accept for `localhost` and 127.0.0.1. */
export type BadLeaf =
  'expired' | 'not yet valid' | 'self-signed' | 'wrong name' | 'common name only'

export const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1']

const DAY_MS = 86_400_000
const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))

export function createAuthority(commonName = 'Test Root'): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = createCertificate({
    subject: commonName,
    issuer: commonName,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [AUTHORITY_CONSTRAINT],
  })
  return {
    certificate,
    issue: (options) => issueLeaf(options, commonName, keys.privateKey),
  }
}

/** One leaf of each bad kind, signed by `authority` unless being unsigned is the point. */
export function issueBad(authority: Authority, kind: BadLeaf): Leaf {
  const now = Date.now()
  switch (kind) {
    case 'expired':
      return authority.issue({
        names: LOOPBACK_NAMES,
        notBefore: new Date(now - 2 * DAY_MS),
        notAfter: new Date(now - DAY_MS),
      })
    case 'not yet valid':
      return authority.issue({ names: LOOPBACK_NAMES, notBefore: new Date(now + DAY_MS) })
    case 'self-signed':
      return issueLeaf({ names: LOOPBACK_NAMES }, undefined, undefined)
    case 'wrong name':
      return authority.issue({ names: ['elsewhere.example'] })
    case 'common name only':
      return authority.issue({ names: [], commonName: 'localhost' })
  }
}

function issueLeaf(
  options: LeafOptions,
  issuer: string | undefined,
  signingKey: KeyObject | undefined,
): Leaf {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = options.commonName ?? options.names[0] ?? 'leaf'
  const cert = createCertificate({
    subject,
    issuer: issuer ?? subject,
    publicKey: keys.publicKey,
    signingKey: signingKey ?? keys.privateKey,
    extensions: options.names.length > 0 ? [alternativeNames(options.names)] : [],
    ...(options.notBefore && { notBefore: options.notBefore }),
    ...(options.notAfter && { notAfter: options.notAfter }),
  })
  return { cert, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

interface Certificate {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signingKey: KeyObject
  readonly extensions: readonly Buffer[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

/** RFC 5280 4.1: the part to be signed, the algorithm, the signature. */
function createCertificate(certificate: Certificate): string {
  const notBefore = certificate.notBefore ?? new Date(Date.now() - 60_000)
  const notAfter = certificate.notAfter ?? new Date(notBefore.getTime() + 7 * DAY_MS)
  const serial = randomBytes(16)
  serial[0] = 0x01 // positive, and never with a redundant leading zero
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2])), 'explicit'), // version 3
    integer(serial),
    ECDSA_SHA256,
    nameOf(certificate.issuer),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    nameOf(certificate.subject),
    certificate.publicKey.export({ type: 'spki', format: 'der' }),
    ...(certificate.extensions.length > 0
      ? [tagged(3, sequence(...certificate.extensions), 'explicit')]
      : []),
  )
  const signature = sign('sha256', toBeSigned, certificate.signingKey)
  return toPem(sequence(toBeSigned, ECDSA_SHA256, bits(signature)))
}

const nameOf = (commonName: string): Buffer =>
  sequence(set(sequence(objectId('2.5.4.3'), utf8(commonName))))

const AUTHORITY_CONSTRAINT = sequence(
  objectId('2.5.29.19'),
  boolean(true), // critical
  octets(sequence(boolean(true))),
)

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 0
      ? tagged(2, Buffer.from(name), 'implicit')
      : tagged(7, addressBytes(name), 'implicit'),
  )
  return sequence(objectId('2.5.29.17'), octets(sequence(...entries)))
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  if (address === '::1') return Buffer.from([...new Array<number>(15).fill(0), 1])
  throw new Error(`no certificate for ${address}: only ::1 is spelled out among IPv6 addresses`)
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`
}
