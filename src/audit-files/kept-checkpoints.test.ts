import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseKept } from './kept-checkpoints.ts'

const { privateKey } = generateKeyPairSync('ed25519')

function aNote(size: number): string {
  const text = `apistronghold/production/local\n${size}\n${Buffer.alloc(32, size).toString('base64')}\n`
  const signature = Buffer.concat([Buffer.alloc(4), sign(null, Buffer.from(text), privateKey)])
  return `${text}\n\u2014 apistronghold/production/local ${signature.toString('base64')}\n`
}

const [early, late] = [aNote(5), aNote(12)]
const kept = (text: string | Buffer) => parseKept({ name: 'kept.txt', text: text.toString() })
const REFUSED = { ok: false, error: 'holds no signed checkpoints' }

describe('a file of notes', () => {
  it('is all of them, one after the other', () => {
    const notes = [{ note: early }, { note: late }]
    expect(kept(`${early}\n${late}`)).toMatchObject({ ok: true, value: { isTorn: false, notes } })
  })

  it('may end in a note that was torn at any byte', () => {
    const whole = Buffer.from(late)
    for (let length = 1; length < whole.length; length++) {
      const text = Buffer.concat([Buffer.from(`${early}\n`), whole.subarray(0, length)])
      const value = { isTorn: true, notes: [{ source: 'kept.txt', note: early }] }
      expect([length, kept(text)]).toMatchObject([length, { ok: true, value }])
    }
  })

  it.each([
    ['only a torn note', late.slice(0, 60)],
    ['a torn note before a whole one', `${early.slice(0, 60)}\n\n${late}`],
    ['two torn notes', `${early}\n${late.slice(0, 60)}\n\n${late.slice(0, 60)}`],
    ['other words at its end', `${early}\nand so on`],
    ['other words at its beginning', `so:\n\n${early}\n${late.slice(0, 60)}`],
    ['a last note of something else', `${early}\nexample.com/log\n12`],
    ['a last note with another signature', `${early}\n${late.replace(/[^ ]+\n$/, '!\n')}`],
  ])('is refused with %s', (_what, text) => {
    expect(kept(text)).toEqual(REFUSED)
  })
})
