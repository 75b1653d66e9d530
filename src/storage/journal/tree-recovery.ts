/**
 * The tree over a writer's records when its directory is opened, and whether the records are still
 * those that the last checkpoint was signed for. What was changed or taken away meanwhile stays in
 * the tree as it was, so that whoever verifies sees it.
 */

import { join } from 'node:path'
import { Failure } from '../../base/errors.ts'
import { readCheckpoint, type Checkpoint } from './checkpoint-note.ts'
import type { JournalFiles } from './files.ts'
import { Frontier, HASH_BYTES } from './frontier.ts'
import { hashLines, type Found } from './recovery.ts'
import { hashesPath, listHashes, listSegments, segmentPath } from './segment.ts'

export interface TreeParts {
  /** The writer's own directory. */
  readonly directory: string
  readonly files: JournalFiles
  readonly found: Found
}

/** Records and the last checkpoint disagree. */
export interface TreeFinding {
  /** Records that the checkpoint was signed for. */
  readonly size: number
  /** `changed`: the hashes still tell what was there. `unknown`: nothing here does. */
  readonly records: 'changed' | 'unknown'
}

export interface RecoveredTree {
  /** Of all records before `next`. */
  readonly frontier: Frontier
  /** The sequence number that the next record gets: behind everything that was ever signed for. */
  readonly next: number
  readonly finding: TreeFinding | undefined
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
  const first = found.tail?.segment.first ?? found.next
  const before = await treeBefore(parts, first)
  const stored = files.read(hashesPath(directory, first)) ?? Buffer.alloc(0)
  const lines = found.tail?.hashes ?? Buffer.alloc(0)
  const count = found.next - first
  const chosen = choose(
    { before, stored: whole(stored), lines: filled(lines, count) },
    signed(parts),
  )
  if (chosen.finding?.records === 'unknown') keepCheckpoint(parts, chosen.finding.size)
  if (found.tail && !chosen.hashes.equals(stored)) writeHashes(parts, first, chosen.hashes)
  const frontier = before.copy()
  appendAll(frontier, chosen.hashes)
  return { frontier, next: frontier.size + 1, finding: chosen.finding }
}

interface Candidates {
  readonly before: Frontier
  /** As they were written beside the segment. */
  readonly stored: Buffer
  /** As the segment's lines have them now. */
  readonly lines: Buffer
}

interface Chosen {
  readonly hashes: Buffer
  readonly finding: TreeFinding | undefined
}

/** The lines, unless a checkpoint was signed for something else that the hashes still know. */
function choose({ before, stored, lines }: Candidates, signed: Checkpoint | undefined): Chosen {
  if (!signed || signed.size < before.size) return { hashes: lines, finding: undefined }
  const isSigned = (hashes: Buffer) => matches(before, hashes, signed)
  if (isSigned(lines)) return { hashes: lines, finding: undefined }
  const { size } = signed
  const known = Buffer.concat([stored, lines.subarray(stored.length)])
  if (isSigned(known)) return { hashes: known, finding: { size, records: 'changed' } }
  return { hashes: lines, finding: { size, records: 'unknown' } }
}

function matches(before: Frontier, hashes: Buffer, { size, root }: Checkpoint): boolean {
  const length = (size - before.size) * HASH_BYTES
  if (length > hashes.length) return false
  const tree = before.copy()
  appendAll(tree, hashes.subarray(0, length))
  return tree.root().equals(root)
}

function signed({ directory, files }: TreeParts): Checkpoint | undefined {
  const note = files.read(join(directory, 'checkpoint'))
  return note && readCheckpoint(note.toString('utf8'))
}

/** The next checkpoint takes its place, and it is all that is left of what was there. */
function keepCheckpoint({ directory, files }: TreeParts, size: number): void {
  const path = join(directory, 'checkpoint')
  files.rename(path, `${path}.${size}.unmatched`)
}

/** The tree over all records before a segment: from the note made when it began, or from their hashes. */
async function treeBefore(parts: TreeParts, first: number): Promise<Frontier> {
  const noted = parts.files.read(join(parts.directory, 'frontier'))?.toString('utf8') ?? ''
  const frontier = Frontier.parse(noted)
  return frontier?.size === first - 1 ? frontier : rebuild(parts, first)
}

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
