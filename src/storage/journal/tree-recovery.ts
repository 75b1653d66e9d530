/**
 * The tree over a writer's records when its directory is opened, and whether the records are still
 * those that the last checkpoint was signed for. What was changed or taken away meanwhile stays in
 * the tree as it was, so that whoever verifies sees it.
 */

import { join } from 'node:path'
import { Failure } from '../../base/errors.ts'
import type { Checkpoint } from './checkpoint-note.ts'
import { Frontier, HASH_BYTES } from './frontier.ts'
import { readLastSigned, type LastSigned, type SignedParts } from './last-signed.ts'
import { hashLines, type Found } from './recovery.ts'
import { hashesPath, listHashes, listSegments, segmentPath } from './segment.ts'
import { judgeUnsigned } from './unsigned-records.ts'

export interface TreeParts extends SignedParts {
  readonly found: Found
}

/** Records and the last checkpoint disagree, or there is none where one should be. */
export interface TreeFinding {
  /** Records that the newest one that holds was signed for; 0 without any. */
  readonly size: number
  /** The note beside the log. */
  readonly note: LastSigned['note']
  /**
   * `changed`: the hashes still tell what was there. `unknown`: nothing here does. `added`: the log had
   * ended well, and something follows. `unsigned`: what follows was written over too long a time.
   */
  readonly records: 'as signed' | 'changed' | 'unknown' | 'added' | 'unsigned'
}

export interface RecoveredTree {
  /** Of all records before `next`. */
  readonly frontier: Frontier
  /** The sequence number that the next record gets: behind everything that was ever signed for. */
  readonly next: number
  readonly finding: TreeFinding | undefined
  /** Records behind the newest checkpoint: a crash leaves a second's worth. */
  readonly unsigned: number
  /** The newest checkpoint that holds, as a note. */
  readonly note: string | undefined
}

/** Stands for a record that nothing is known of: the leaf hash of no bytes at all. */
const NOTHING = Buffer.from(
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'hex',
)

/** More missing records than any retention leaves behind. */
const MISSING_LIMIT = 10_000_000

export async function recoverTree(parts: TreeParts): Promise<RecoveredTree> {
  const { directory, files, found } = parts
  const last = readLastSigned(parts)
  const first = found.tail?.segment.first ?? found.next
  const stored = files.read(hashesPath(directory, first)) ?? Buffer.alloc(0)
  const chosen = await chooseTree(parts, { first, stored: whole(stored) }, last.newest)
  const { size, unsigned } = sizesOf(parts, last)
  const records =
    chosen.records === 'as signed' && unsigned > 0
      ? await judgeUnsigned({ directory, size, found, isClosed: last.isClosed })
      : chosen.records
  keepNotes(parts, last, records === 'unknown')
  if (found.tail && !chosen.hashes.equals(stored)) writeHashes(parts, first, chosen.hashes)
  const frontier = chosen.before.copy()
  appendAll(frontier, chosen.hashes)
  const finding = isSound(last, records) ? undefined : { size, note: last.note, records }
  const note = last.newest?.note
  return { frontier, next: frontier.size + 1, finding, unsigned, note }
}

function sizesOf({ sign, found }: TreeParts, { newest }: LastSigned) {
  const size = newest?.size ?? 0
  return { size, unsigned: sign ? Math.max(0, found.next - 1 - size) : 0 }
}

/** A log that is not signed yet has no checkpoint; whoever once saw one does not lose it. */
function isSound({ note, newest }: LastSigned, records: TreeFinding['records']): boolean {
  return records === 'as signed' && (note === 'sound' || (note === 'missing' && !newest))
}

interface Candidates {
  readonly before: Frontier
  /** As they were written beside the segment. */
  readonly stored: Buffer
  /** As the segment's lines have them now. */
  readonly lines: Buffer
}

interface Chosen {
  readonly before: Frontier
  readonly hashes: Buffer
  readonly records: 'as signed' | 'changed' | 'unknown'
}

interface NewestSegment {
  readonly first: number
  readonly stored: Buffer
}

async function chooseTree(
  parts: TreeParts,
  { first, stored }: NewestSegment,
  signed: Checkpoint | undefined,
): Promise<Chosen> {
  const { tail, next } = parts.found
  const lines = filled(tail?.hashes ?? Buffer.alloc(0), next - first)
  const noted = frontierBefore(parts, first)
  const chosen = noted && (await choose(parts, { before: noted, stored, lines }, signed))
  if (chosen && chosen.records !== 'unknown') return chosen
  // Nobody signed where the tree was noted to stand: the hashes may know better.
  return choose(parts, { before: await rebuild(parts, first), stored, lines }, signed)
}

/** The lines, unless a checkpoint was signed for something else that the hashes still know. */
async function choose(
  parts: TreeParts,
  { before, stored, lines }: Candidates,
  signed: Checkpoint | undefined,
): Promise<Chosen> {
  if (!signed) return { before, hashes: lines, records: 'as signed' }
  if (signed.size < before.size) {
    const isSigned = (await rebuild(parts, signed.size + 1)).root().equals(signed.root)
    return { before, hashes: lines, records: isSigned ? 'as signed' : 'unknown' }
  }
  const isSigned = (hashes: Buffer) => matches(before, hashes, signed)
  if (isSigned(lines)) return { before, hashes: lines, records: 'as signed' }
  const known = Buffer.concat([stored, lines.subarray(stored.length)])
  if (isSigned(known)) return { before, hashes: known, records: 'changed' }
  return { before, hashes: lines, records: 'unknown' }
}

function matches(before: Frontier, hashes: Buffer, { size, root }: Checkpoint): boolean {
  const length = (size - before.size) * HASH_BYTES
  if (length > hashes.length) return false
  const tree = before.copy()
  appendAll(tree, hashes.subarray(0, length))
  return tree.root().equals(root)
}

/** The next checkpoint takes their place, and they are all that is left of what was there. */
function keepNotes(
  { directory, files }: TreeParts,
  { newest, note }: LastSigned,
  isUnmatched: boolean,
): void {
  const path = join(directory, 'checkpoint')
  if (note === 'invalid') files.rename(path, `${path}.0.unmatched`)
  if (newest && isUnmatched) files.replace(`${path}.${newest.size}.unmatched`, newest.note)
}

/** Where the tree stood when the segment began, as noted then. */
function frontierBefore({ directory, files }: TreeParts, first: number): Frontier | undefined {
  const noted = files.read(join(directory, 'frontier'))?.toString('utf8') ?? ''
  const frontier = Frontier.parse(noted)
  return frontier?.size === first - 1 ? frontier : undefined
}

/** The tree over all records before one, from their hashes. */
async function rebuild(parts: TreeParts, end: number): Promise<Frontier> {
  const { directory } = parts
  const segments = (await listSegments(directory)).map(({ first }) => first)
  const names = new Set([1, ...segments, ...(await listHashes(directory))])
  const firsts = [...names].filter((first) => first < end).sort((one, other) => one - other)
  const tree = new Frontier()
  for (const [index, first] of firsts.entries())
    appendAll(tree, await hashesOf(parts, first, (firsts[index + 1] ?? end) - first))
  return tree
}

/** As they were written, or as a version that wrote none would have written them. */
async function hashesOf(parts: TreeParts, first: number, count: number): Promise<Buffer> {
  const { directory, files } = parts
  const stored = whole(files.read(hashesPath(directory, first)) ?? Buffer.alloc(0))
  if (stored.length >= count * HASH_BYTES) return stored.subarray(0, count * HASH_BYTES)
  const path = segmentPath(directory, first)
  const lines = files.identify(path) === undefined ? Buffer.alloc(0) : await hashLines(path)
  const hashes = filled(Buffer.concat([stored, lines.subarray(stored.length)]), count)
  writeHashes(parts, first, hashes)
  return hashes
}

function writeHashes({ directory, files }: TreeParts, first: number, hashes: Buffer): void {
  const file = files.openDerived(hashesPath(directory, first))
  try {
    file.write(hashes, 0)
  } finally {
    file.close()
  }
}

function appendAll(tree: Frontier, hashes: Buffer): void {
  for (let at = 0; at < hashes.length; at += HASH_BYTES)
    tree.append(hashes.subarray(at, at + HASH_BYTES))
}

/** Exactly so many hashes: those that are there, and nothing's for the rest. */
function filled(hashes: Buffer, count: number): Buffer {
  const missing = count - hashes.length / HASH_BYTES
  if (missing <= 0) return hashes.subarray(0, count * HASH_BYTES)
  if (missing > MISSING_LIMIT)
    throw new Failure('audit_unavailable', `${missing} records are missing`)
  return Buffer.concat([hashes, ...Array.from({ length: missing }, () => NOTHING)])
}

/** Without the half of a hash that a crash left. */
const whole = (hashes: Buffer): Buffer =>
  hashes.subarray(0, hashes.length - (hashes.length % HASH_BYTES))
