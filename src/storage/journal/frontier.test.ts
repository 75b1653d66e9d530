import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rootOf } from '../../../test/support/merkle.ts'
import { Frontier } from './frontier.ts'

const leafOf = (number: number): Buffer => createHash('sha256').update(`leaf ${number}`).digest()
const leaves = (count: number) => Array.from({ length: count }, (_, number) => leafOf(number))

function grown(count: number): Frontier {
  const frontier = new Frontier()
  for (const leaf of leaves(count)) frontier.append(leaf)
  return frontier
}

it('AU-03 has the root that RFC 6962 defines, at every size', () => {
  const frontier = new Frontier()
  for (let size = 0; size <= 130; size++) {
    expect(frontier.size).toBe(size)
    expect(frontier.root()).toEqual(rootOf(leaves(size)))
    frontier.append(leafOf(size))
  }
})

it('goes on from its text as if it had never stopped', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(50), (before, after) => {
      const text = grown(before).format()
      const frontier = Frontier.parse(text)
      for (const leaf of leaves(before + after).slice(before)) frontier?.append(leaf)
      expect(frontier?.root()).toEqual(rootOf(leaves(before + after)))
    }),
  )
})

it.each([
  ['nothing', ''],
  ['noise', 'noise'],
  ['a root too few', '3\n' + leafOf(1).toString('base64') + '\n'],
  ['a root too many', '1\n' + Buffer.concat(leaves(2)).toString('base64') + '\n'],
  ['half a text', grown(5).format().slice(0, 40)],
])('takes %s for no frontier', (_case, text) => {
  expect(Frontier.parse(text)).toBeUndefined()
})

it('never throws, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      Frontier.parse(text)
    }),
  )
})
