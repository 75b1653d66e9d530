/** A checkpoint as it stands in a file: C2SP tlog-checkpoint, a note with one Ed25519 signature. */

import { createPublicKey, hash, sign, type KeyObject } from 'node:crypto'
import { isSignedBy, parseCheckpoint, parseNote } from '../../audit/note.ts'

export interface Checkpoint {
  /** Records that it covers, from the first on. */
  readonly size: number
  readonly root: Buffer
}

/** Who signs the checkpoints of a writer's tree. */
export interface Signing {
  /** Ed25519, private. */
  readonly key: KeyObject
  /** `apistronghold/<environment>/<writer>`: names the log and its key. */
  readonly origin: string
}

const ED25519 = 1

export function createSigner({ key, origin }: Signing): (checkpoint: Checkpoint) => string {
  const keyHash = keyHashOf(origin, key)
  return ({ size, root }) => {
    const text = `${origin}\n${size}\n${root.toString('base64')}\n`
    const signature = Buffer.concat([keyHash, sign(null, Buffer.from(text), key)])
    return `${text}\n\u2014 ${origin} ${signature.toString('base64')}\n`
  }
}

function keyHashOf(name: string, key: KeyObject): Buffer {
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ED25519]), raw])
  return hash('sha256', named, 'buffer').subarray(0, 4)
}

/** Reads what this key has signed for this log; undefined for anything else. Without one, whatever it says. */
export function createReader(signing: Signing | undefined): typeof readCheckpoint {
  if (!signing) return readCheckpoint
  const { key, origin: name } = signing
  const publicKey = createPublicKey(key)
  return (note) => {
    const parsed = parseNote(note)
    const checkpoint = parsed && parseCheckpoint(parsed.text)
    if (!parsed || checkpoint?.origin !== name) return undefined
    return isSignedBy(parsed, { name, publicKey }) ? checkpoint : undefined
  }
}

/** What it says, whoever signed it; undefined for what is no checkpoint. */
export function readCheckpoint(note: string): Checkpoint | undefined {
  const [, size = '', root = ''] = /^[^\n]+\n(\d{1,16})\n([0-9A-Za-z+/]{43}=)\n/.exec(note) ?? []
  return size === '' ? undefined : { size: Number(size), root: Buffer.from(root, 'base64') }
}
