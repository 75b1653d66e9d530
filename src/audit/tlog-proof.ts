/**
 * Proofs over a log's tree, for third parties: that a record is in it (C2SP tlog-proof), and that an
 * older checkpoint is its beginning (the request of a C2SP tlog-witness). Checked as RFC 9162, 2.1.3.2
 * and 2.1.4.2 say; audit-files makes them.
 */

import { hash } from 'node:crypto'
import { bytesOf, parseCheckpoint, parseNote, type Checkpoint } from './note.ts'

export interface InclusionProof {
  /** Counted from 0: one less than the record's number. */
  readonly index: number
  /** The record's line without its newline; undefined where only its hash is left. */
  readonly line: Buffer | undefined
  readonly path: readonly Buffer[]
  /** The signed note. */
  readonly note: string
}

export interface ConsistencyProof {
  /** Records of the older checkpoint. */
  readonly old: number
  readonly path: readonly Buffer[]
  /** The newer one, a signed note. */
  readonly note: string
}

const MAGIC = 'c2sp.org/tlog-proof@v1'
const HASH_BYTES = 32
const INCLUSION =
  /^c2sp\.org\/tlog-proof@v1\n(?:extra ([0-9A-Za-z+/]+={0,2})\n)?index (0|[1-9]\d{0,15})\n((?:[0-9A-Za-z+/]{43}=\n){0,63})\n/
const CONSISTENCY = /^old ([1-9]\d{0,15})\n((?:[0-9A-Za-z+/]{43}=\n){0,63})\n/

export function formatInclusion({ index, line, path, note }: InclusionProof): string {
  const extra = line ? `extra ${line.toString('base64')}\n` : ''
  return `${MAGIC}\n${extra}index ${index}\n${linesOf(path)}\n${note}`
}

export function formatConsistency({ old, path, note }: ConsistencyProof): string {
  return `old ${old}\n${linesOf(path)}\n${note}`
}

const linesOf = (path: readonly Buffer[]): string =>
  path.map((each) => `${each.toString('base64')}\n`).join('')

/** Undefined for what is no such proof. */
export function parseInclusion(text: string): InclusionProof | undefined {
  const [head, extra, index = '', path = ''] = INCLUSION.exec(text) ?? []
  if (head === undefined) return undefined
  const [line, hashes] = [extra === undefined ? undefined : bytesOf(extra), hashesOf(path)]
  if (!hashes || (extra !== undefined && !line)) return undefined
  return { index: Number(index), line, path: hashes, note: text.slice(head.length) }
}

/** Undefined for what is no such proof. */
export function parseConsistency(text: string): ConsistencyProof | undefined {
  const [head, old = '', path = ''] = CONSISTENCY.exec(text) ?? []
  if (head === undefined) return undefined
  const hashes = hashesOf(path)
  return hashes && { old: Number(old), path: hashes, note: text.slice(head.length) }
}

function hashesOf(lines: string): Buffer[] | undefined {
  const hashes = lines.split('\n').slice(0, -1).map(bytesOf)
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined
}

/** What a proof's note says, whoever signed it; undefined for what is no checkpoint. */
export function checkpointIn(note: string): Checkpoint | undefined {
  const parsed = parseNote(note)
  return parsed && parseCheckpoint(parsed.text)
}

/** The hash of a record's line, which comes without its newline (RFC 6962, 2.1). */
export const leafHashOf = (line: Uint8Array): Buffer => sha256(0, line)

const sha256 = (type: number, ...parts: readonly Uint8Array[]): Buffer =>
  hash('sha256', Buffer.concat([Buffer.from([type]), ...parts]), 'buffer')

const nodeOf = (left: Buffer, right: Buffer): Buffer => sha256(1, left, right)

/** Where a leaf and the last one stand on each level of the tree. */
class Climb {
  #own: number
  #last: number

  constructor(own: number, last: number) {
    this.#own = own
    this.#last = last
  }

  get isAtTop(): boolean {
    return this.#last === 0
  }

  get isRightmostOrRight(): boolean {
    return this.#own % 2 === 1 || this.#own === this.#last
  }

  up(): void {
    this.#own = Math.floor(this.#own / 2)
    this.#last = Math.floor(this.#last / 2)
  }

  /** Past levels on which the node has no sibling. */
  upToSibling(): void {
    while (this.#own % 2 === 0 && this.#own !== 0) this.up()
  }

  upWhileRight(): void {
    while (this.#own % 2 === 1) this.up()
  }
}

export interface InclusionClaim {
  readonly index: number
  readonly leaf: Buffer
  readonly path: readonly Buffer[]
  readonly checkpoint: Pick<Checkpoint, 'size' | 'root'>
}

export function isIncluded({ index, leaf, path, checkpoint }: InclusionClaim): boolean {
  const { size, root } = checkpoint
  if (index >= size || !path.every(isHash)) return false
  const climb = new Climb(index, size - 1)
  let found = leaf
  for (const sibling of path) {
    if (climb.isAtTop) return false
    if (climb.isRightmostOrRight) {
      found = nodeOf(sibling, found)
      climb.upToSibling()
    } else found = nodeOf(found, sibling)
    climb.up()
  }
  return climb.isAtTop && found.equals(root)
}

export interface ConsistencyClaim {
  readonly older: Pick<Checkpoint, 'size' | 'root'>
  readonly newer: Pick<Checkpoint, 'size' | 'root'>
  readonly path: readonly Buffer[]
}

export function isConsistent({ older, newer, path }: ConsistencyClaim): boolean {
  if (older.size === newer.size) return path.length === 0 && older.root.equals(newer.root)
  if (older.size < 1 || older.size > newer.size || !path.every(isHash)) return false
  // The root of a whole tree stands for itself.
  const [start, ...rest] = isPowerOfTwo(older.size) ? [older.root, ...path] : path
  const climb = new Climb(older.size - 1, newer.size - 1)
  climb.upWhileRight()
  const roots = start && climbBoth(climb, start, rest)
  return roots !== undefined && roots.older.equals(older.root) && roots.newer.equals(newer.root)
}

/** The roots that a path leads to; undefined for one that is too long or too short. */
function climbBoth(climb: Climb, start: Buffer, path: readonly Buffer[]) {
  let [older, newer] = [start, start]
  for (const sibling of path) {
    if (climb.isAtTop) return undefined
    if (climb.isRightmostOrRight) {
      ;[older, newer] = [nodeOf(sibling, older), nodeOf(sibling, newer)]
      climb.upToSibling()
    } else newer = nodeOf(newer, sibling)
    climb.up()
  }
  return climb.isAtTop ? { older, newer } : undefined
}

const isHash = ({ length }: Buffer): boolean => length === HASH_BYTES
const isPowerOfTwo = (count: number): boolean => Number.isInteger(Math.log2(count))
