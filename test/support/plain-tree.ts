/** The tree of RFC 6962 as section 2.1 words it, without a thought for speed: what ours is held to. */

import { createHash } from 'node:crypto'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The hash of a record's line, which comes without its newline. */
export const leafHashOf = (line: Uint8Array): Buffer => sha256(Buffer.from([0]), line)

/** The root over leaf hashes. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (!first) return sha256()
  if (leaves.length === 1) return first
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  return sha256(Buffer.from([1]), rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)))
}
