import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCursors, readPage } from './cursors.ts'

const cursors = createCursors(createSecretKey(randomBytes(32)))

describe('page cursors', () => {
  it('give back the position that was sealed', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (position) => {
        const cursor = cursors.seal('tokens', position)
        expect(cursors.open('tokens', cursor)).toEqual({ ok: true, value: position })
      }),
    )
  })

  it('AD-04 are refused with any character changed, cut off or added', () => {
    const cursor = cursors.seal('tokens', 'position-17')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (let at = 0; at < cursor.length; at++) {
      const other = alphabet.charAt((alphabet.indexOf(cursor.charAt(at)) + 1) % alphabet.length)
      const changed = cursor.slice(0, at) + other + cursor.slice(at + 1)
      expect(cursors.open('tokens', changed).ok, changed).toBe(false)
      expect(cursors.open('tokens', cursor.slice(0, at)).ok).toBe(false)
    }
    expect(cursors.open('tokens', `${cursor}A`).ok).toBe(false)
  })

  it('AD-04 are refused for another list and under another key', () => {
    const cursor = cursors.seal('tokens', 'position')
    const others = createCursors(createSecretKey(randomBytes(32)))
    expect(cursors.open('audit', cursor).ok).toBe(false)
    expect(others.open('tokens', cursor).ok).toBe(false)
  })

  it('AD-04 never throw on noise', () => {
    fc.assert(
      fc.property(fc.string(), (noise) => {
        expect(cursors.open('tokens', noise).ok).toBe(false)
      }),
    )
  })

  it('carry a list from page to page without showing the position', async () => {
    const read = async ({ cursor = '0' }: { readonly cursor?: string }) => ({
      items: [Number(cursor)],
      ...(cursor === '2' ? {} : { nextCursor: String(Number(cursor) + 1) }),
    })
    const items: number[] = []
    let cursor: string | undefined
    do {
      const page = await readPage(cursors, { list: 'numbers', cursor }, read)
      if (!page.ok) throw new Error(page.error.detail)
      items.push(...page.value.items)
      cursor = page.value.nextCursor
    } while (cursor !== undefined)
    expect(items).toEqual([0, 1, 2])
  })
})
