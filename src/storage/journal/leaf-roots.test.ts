/** Proofs of growth from hashes on disk, as who has only the two roots checks them. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { leafHashOf } from '../../../test/support/merkle.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { isConsistent } from '../../audit/tlog-proof.ts'
import { Frontier } from './frontier.ts'
import { LeafRoots } from './leaf-roots.ts'

const COUNT = 9000
const leaves = Array.from({ length: COUNT }, (_each, index) => leafHashOf(Buffer.from(`${index}`)))

let folder: TemporaryDirectory
beforeEach(() => {
  folder = createTemporaryDirectory()
  write(1, 10)
  write(11, 4100)
  write(4101, COUNT)
})
afterEach(() => {
  folder.remove()
})

function write(first: number, last: number): void {
  const name = `${String(first).padStart(16, '0')}.hashes`
  folder.write(name, Buffer.concat(leaves.slice(first - 1, last)))
}

function checkpointAt(size: number) {
  const tree = new Frontier()
  for (const leaf of leaves.slice(0, size)) tree.append(leaf)
  return { size, root: tree.root() }
}

describe('the path from one size of a log to another', () => {
  it('AU-03 proves that it only grew, whatever the sizes, once and again', async () => {
    const roots = new LeafRoots(folder.path)
    const sizes = [1, 2, 7, 10, 11, 2047, 2048, 2049, 4096, 5000, 8192, 8999, COUNT].map(
      checkpointAt,
    )
    for (const newer of sizes)
      for (const older of sizes.filter(({ size }) => size <= newer.size)) {
        const path = (await roots.path(older.size, newer.size)) ?? []
        expect(isConsistent({ older, newer, path }), `${older.size} to ${newer.size}`).toBe(true)
      }
  })

  it('AU-03 proves nothing when one record is another', async () => {
    const [older, newer] = [checkpointAt(5000), checkpointAt(COUNT)]
    const forged = Buffer.concat([leafHashOf(Buffer.from('forged')), ...leaves.slice(1, 10)])
    folder.write('0000000000000001.hashes', forged)
    const path = (await new LeafRoots(folder.path).path(5000, COUNT)) ?? []
    expect(isConsistent({ older, newer, path })).toBe(false)
  })

  it('is none where hashes are missing, and is there when they are', async () => {
    const roots = new LeafRoots(folder.path)
    expect(await roots.path(5000, COUNT + 1)).toBeUndefined()
    expect(await roots.path(5000, COUNT)).toBeDefined()
  })
})
