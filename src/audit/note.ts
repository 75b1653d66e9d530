/**
 * Signed notes (C2SP signed-note) and the checkpoints in them (C2SP tlog-checkpoint): read and
 * checked. storage/journal writes them.
 */

import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto'

export interface Note {
  /** What was signed, its last newline included. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  /** Of the key. */
  readonly name: string
  /** Four bytes that tell keys of one name apart. */
  readonly keyId: Buffer
  readonly signature: Buffer
}

/** A tree as its writer signed for it. */
export interface Checkpoint {
  /** `apistronghold/<environment>/<writer>` */
  readonly origin: string
  /** Records that it covers, from the first on. */
  readonly size: number
  readonly root: Buffer
}

/** A public key with its name, as a verifier is given it. */
export interface NamedKey {
  readonly name: string
  readonly publicKey: KeyObject
}

const ED25519 = 1
const KEY_BYTES = 32
const KEY_ID_BYTES = 4

/** What DER puts in front of an Ed25519 public key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

const SIGNATURE = /^\u2014 (\S+) ([0-9A-Za-z+/]+={0,2})$/
const CHECKPOINT = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([0-9A-Za-z+/]{43}=)\n(?:[^\n]+\n)*$/
const VKEY = /^([^\s+]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/]+={0,2})$/

/** Undefined for what is no note, or has no signature. */
export function parseNote(note: string): Note | undefined {
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return undefined
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .map(parseSignature)
  if (!signatures.every((signature) => signature !== undefined)) return undefined
  return { text: note.slice(0, end + 1), signatures }
}

function parseSignature(line: string): NoteSignature | undefined {
  const [, name, base64 = ''] = SIGNATURE.exec(line) ?? []
  const bytes = bytesOf(base64)
  if (name === undefined || !bytes || bytes.length <= KEY_ID_BYTES) return undefined
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) }
}

/** Only one text stands for the same bytes: bits that encode nothing are zero (RFC 4648, 3.5). */
export function bytesOf(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64')
  return bytes.toString('base64') === base64 ? bytes : undefined
}

/** What the text of a note says; undefined for what is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [, origin, size = '', root = ''] = CHECKPOINT.exec(text) ?? []
  if (origin === undefined || !Number.isSafeInteger(Number(size))) return undefined
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

/** Whether one of the note's signatures is this key's, under this name. */
export function isSignedBy({ text, signatures }: Note, { name, publicKey }: NamedKey): boolean {
  const keyId = keyIdOf(name, rawKeyOf(publicKey))
  const signed = Buffer.from(text)
  return signatures.some(
    (signature) =>
      signature.name === name &&
      signature.keyId.equals(keyId) &&
      verify(null, signed, publicKey, signature.signature),
  )
}

/** `apistronghold/production+8f4a21d0+AWZ...`: the public half for whoever verifies. */
export function formatVkey({ name, publicKey }: NamedKey): string {
  const raw = rawKeyOf(publicKey)
  const typed = Buffer.concat([Buffer.from([ED25519]), raw])
  return `${name}+${keyIdOf(name, raw).toString('hex')}+${typed.toString('base64')}`
}

/** Undefined for what is no Ed25519 key in this form, or whose key id is another's. */
export function parseVkey(text: string): NamedKey | undefined {
  const [, name, keyId, base64 = ''] = VKEY.exec(text.trim()) ?? []
  const typed = bytesOf(base64)
  if (name === undefined || typed?.length !== 1 + KEY_BYTES || typed[0] !== ED25519)
    return undefined
  const raw = typed.subarray(1)
  if (keyIdOf(name, raw).toString('hex') !== keyId) return undefined
  const der = Buffer.concat([SPKI_PREFIX, raw])
  return { name, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

function rawKeyOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES)
}

function keyIdOf(name: string, raw: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ED25519]), raw])
  return hash('sha256', named, 'buffer').subarray(0, KEY_ID_BYTES)
}
