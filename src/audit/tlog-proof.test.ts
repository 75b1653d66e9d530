import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  consistencyOf,
  inclusionOf,
  leafHashOf as leafOf,
  rootOf,
} from '../../test/support/merkle.ts'
import {
  formatConsistency,
  formatInclusion,
  isConsistent,
  isIncluded,
  leafHashOf,
  parseConsistency,
  parseInclusion,
} from './tlog-proof.ts'

const LEAVES = Array.from({ length: 40 }, (_, n) => leafOf(Buffer.from(`record ${n}`)))
const treeOf = (size: number) => ({ size, root: rootOf(LEAVES.slice(0, size)) })

function* sizes(): Generator<readonly [number, number]> {
  for (let size = 1; size <= LEAVES.length; size++)
    for (let part = 0; part < size; part++) yield [part, size]
}

const flip = (bytes: Buffer): Buffer => {
  const other = Buffer.from(bytes)
  other[7] = (other[7] ?? 0) ^ 1
  return other
}

describe('a proof that a record is in a log', () => {
  it('holds for each record of each tree, as RFC 6962 makes it, and for no other record', () => {
    for (const [index, size] of sizes()) {
      const path = inclusionOf(index, LEAVES.slice(0, size))
      const claim = { index, path, leaf: LEAVES[index]!, checkpoint: treeOf(size) }
      expect(isIncluded(claim)).toBe(true)
      expect(isIncluded({ ...claim, leaf: flip(claim.leaf) })).toBe(false)
      expect(isIncluded({ ...claim, index: size })).toBe(false)
      expect(isIncluded({ ...claim, path: [...path, claim.leaf] })).toBe(false)
      expect(
        isIncluded({ ...claim, checkpoint: { size, root: flip(claim.checkpoint.root) } }),
      ).toBe(false)
      if (path.length > 0) {
        expect(isIncluded({ ...claim, path: path.slice(1) })).toBe(false)
        expect(isIncluded({ ...claim, path: path.with(0, flip(path[0]!)) })).toBe(false)
      }
      if (size > 1) expect(isIncluded({ ...claim, index: (index + 1) % size })).toBe(false)
    }
  })

  it('hashes a record as the log does', () => {
    expect(leafHashOf(Buffer.from('{}'))).toEqual(leafOf(Buffer.from('{}')))
  })

  it('reads as it was written, with the record and without', () => {
    const note = 'origin\n3\nroot\n\n\u2014 key sig\n'
    for (const line of [undefined, Buffer.from('{"seq":3}')]) {
      const proof = { index: 2, line, path: LEAVES.slice(0, 3), note }
      expect(parseInclusion(formatInclusion(proof))).toEqual(proof)
    }
    expect(formatInclusion({ index: 2, line: Buffer.from('a'), path: [], note })).toBe(
      `c2sp.org/tlog-proof@v1\nextra YQ==\nindex 2\n\n${note}`,
    )
  })
})

describe('a proof that a log only grew', () => {
  it('holds for each two trees, as RFC 6962 makes it, and for no others', () => {
    for (const [old, size] of sizes()) {
      if (old === 0) continue
      const path = consistencyOf(old, LEAVES.slice(0, size))
      const claim = { older: treeOf(old), newer: treeOf(size), path }
      expect(isConsistent(claim)).toBe(true)
      expect(isConsistent({ ...claim, older: { size: old, root: flip(claim.older.root) } })).toBe(
        false,
      )
      expect(isConsistent({ ...claim, newer: { size, root: flip(claim.newer.root) } })).toBe(false)
      expect(isConsistent({ ...claim, path: [...path, LEAVES[0]!] })).toBe(false)
      expect(isConsistent({ ...claim, path: path.slice(1) })).toBe(false)
      expect(isConsistent({ ...claim, older: claim.newer, newer: claim.older })).toBe(false)
    }
    expect(isConsistent({ older: treeOf(7), newer: treeOf(7), path: [] })).toBe(true)
    expect(isConsistent({ older: treeOf(0), newer: treeOf(7), path: [] })).toBe(false)
  })

  it('reads as it was written', () => {
    const proof = { old: 5, path: LEAVES.slice(0, 2), note: 'origin\n9\nroot\n\n\u2014 key sig\n' }
    expect(parseConsistency(formatConsistency(proof))).toEqual(proof)
  })
})

it('never throws on what is no proof', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseInclusion(text)).toBeUndefined()
      expect(parseConsistency(text)).toBeUndefined()
    }),
  )
  expect(parseInclusion('c2sp.org/tlog-proof@v1\nindex 01\n\n')).toBeUndefined()
  expect(parseInclusion('c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n')).toBeUndefined()
})

it('reads each byte in one way only', () => {
  const hash = Buffer.alloc(32, 1).toString('base64')
  const other = hash.replace('E=', 'F=')
  expect(Buffer.from(other, 'base64')).toEqual(Buffer.from(hash, 'base64'))
  const proofs = (line: string, base64: string) =>
    [
      parseInclusion(`c2sp.org/tlog-proof@v1\nextra ${line}\nindex 1\n${base64}\n\n`),
      parseConsistency(`old 1\n${base64}\n\n`),
    ].map((proof) => proof !== undefined)
  expect(proofs('YQ==', hash)).toEqual([true, true])
  expect(proofs('YQ==', other)).toEqual([false, false])
  expect(proofs('YR==', hash)).toEqual([false, true])
})
