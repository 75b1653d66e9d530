/**
 * The tree of RFC 6962 as section 2.1 words it, recursively and without a thought for speed: what
 * ours is held to. Proofs are checked as RFC 9162, 2.1.3.2 and 2.1.4.2 word it.
 */

import { createHash } from 'node:crypto'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.from([1]), left, right)

/** The hash of a record's line, which comes without its newline. */
export const leafHashOf = (line: Uint8Array): Buffer => sha256(Buffer.from([0]), line)

/** MTH: the root over leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (!first) return sha256()
  if (leaves.length === 1) return first
  const k = splitOf(leaves.length)
  return node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}

/** PATH(m, D[n]): what proves that leaf m, counted from 0, is in the tree. */
export function inclusionOf(m: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length <= 1) return []
  const k = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m < k
    ? [...inclusionOf(m, left), rootOf(right)]
    : [...inclusionOf(m - k, right), rootOf(left)]
}

/** PROOF(m, D[n]): what proves that the tree of the first m leaves is the beginning of this one. */
export function consistencyOf(m: number, leaves: readonly Buffer[]): readonly Buffer[] {
  return m === 0 ? [] : subProofOf(m, leaves, true)
}

function subProofOf(m: number, leaves: readonly Buffer[], isKnown: boolean): readonly Buffer[] {
  if (m === leaves.length) return isKnown ? [] : [rootOf(leaves)]
  const k = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m <= k
    ? [...subProofOf(m, left, isKnown), rootOf(right)]
    : [...subProofOf(m - k, right, false), rootOf(left)]
}

/** The largest power of two that is smaller than n. */
function splitOf(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

export interface InclusionClaim {
  /** Counted from 0. */
  readonly index: number
  readonly size: number
  readonly leaf: Buffer
  readonly root: Buffer
  readonly path: readonly Buffer[]
}

/** RFC 9162, 2.1.3.2. */
export function isIncluded({ index, size, leaf, root, path }: InclusionClaim): boolean {
  if (index >= size) return false
  let [fn, sn, r] = [index, size - 1, leaf]
  for (const p of path) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      r = node(p, r)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)]
    } else r = node(r, p)
    ;[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]
  }
  return sn === 0 && r.equals(root)
}

export interface ConsistencyClaim {
  readonly first: { readonly size: number; readonly root: Buffer }
  readonly second: { readonly size: number; readonly root: Buffer }
  readonly path: readonly Buffer[]
}

/** RFC 9162, 2.1.4.2, for a first tree that is neither empty nor the second one. */
// eslint-disable-next-line complexity -- step by step as the RFC has it
export function isConsistent({ first, second, path }: ConsistencyClaim): boolean {
  const isWhole = Number.isInteger(Math.log2(first.size))
  const [start, ...rest] = isWhole ? [first.root, ...path] : path
  if (!start) return false
  let [fn, sn, fr, sr] = [first.size - 1, second.size - 1, start, start]
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]
  for (const c of rest) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      ;[fr, sr] = [node(c, fr), node(c, sr)]
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)]
    } else sr = node(sr, c)
    ;[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]
  }
  return sn === 0 && fr.equals(first.root) && sr.equals(second.root)
}
