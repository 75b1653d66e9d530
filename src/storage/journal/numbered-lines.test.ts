import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { leafHashOf } from '../../../test/support/merkle.ts'
import { NumberedLines } from './numbered-lines.ts'

const line = fc.string({ unit: 'grapheme', maxLength: 300 }).map((text) => text.replace(/\n/g, ''))
const batch = fc.array(line, { maxLength: 40 })
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

it('numbers each line, and gives each one as RFC 6962 hashes it', () => {
  const numbered = new NumberedLines()
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.array(batch, { maxLength: 3 }), (next, batches) => {
      numbered.begin(next)
      for (const texts of batches) numbered.add(Buffer.from(texts.map((t) => `${t}\n`).join('')))
      const texts = batches.flat().map((text, index) => `{"seq":${next + index},${text}`)
      expect(numbered.count).toBe(texts.length)
      expect([...hashes(numbered)]).toEqual(texts.map((text) => leafHashOf(Buffer.from(text))))
      expect(numbered.bytes.toString()).toBe(texts.map((text) => `${text}\n`).join(''))
    }),
  )
})

function* hashes(numbered: NumberedLines): Generator<Buffer> {
  for (const leaf of numbered.leaves()) yield sha256(leaf)
}
