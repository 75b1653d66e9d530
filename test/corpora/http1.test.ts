/**
 * Hostile HTTP/1.1 against the parsers alone: no socket, no door, no upstream.
 *
 * They refuse every case that must be refused, so none of it is left to the doors; and take every
 * case that must be taken but those in `STRICTER`.
 */

import { describe, expect, it } from 'vitest'
import { converse, inBytes, inLines } from '../support/conversation.ts'
import { readCorpus, type Row } from '../support/corpora.ts'

/** Valid, and refused all the same. */
const STRICTER = new Map([
  [
    'gunicorn/valid/rfc9112_chunked_ext_quoted_01',
    'no client needs chunk extensions, and parsers disagree on where they end',
  ],
])

const rows = ['http/http1-smuggling', 'http/http1-te-mutations'].flatMap(
  (corpus) => readCorpus(corpus) ?? [],
)
const rowsToBe = (expected: string) => rows.filter((row) => row['expected'] === expected)

function bytesOf(row: Row): Buffer {
  const text = Buffer.from(row['raw_b64'] as string, 'base64').toString('latin1')
  const filled = text.replaceAll('__HOST__', 'localhost').replaceAll('__TOKEN__', 'pt_test_x')
  return Buffer.from(filled, 'latin1')
}

const titled = (some: readonly Row[]) => some.map((row) => [String(row['name']), row] as const)

describe.skipIf(rows.length === 0)('HF-01 HF-02 HF-03 HF-04 HF-05 HF-06 HF-07 framing', () => {
  it.each(titled(rowsToBe('reject')))('is refused of %s', (_name, row) => {
    const { requests, end } = converse([bytesOf(row)])
    expect(requests).toEqual([])
    expect(end).not.toBe('between')
  })

  it.each(titled(rowsToBe('accept').filter(({ name }) => !STRICTER.has(String(name)))))(
    'is accepted of %s',
    (_name, row) => {
      expect(converse([bytesOf(row)]).requests).not.toEqual([])
    },
  )

  it.each(titled(rows.filter(({ name }) => STRICTER.has(String(name)))))(
    'is refused beyond need of %s',
    (_name, row) => {
      expect(converse([bytesOf(row)]).requests).toEqual([])
    },
  )

  it('yields no more requests than it may', () => {
    for (const row of rows) {
      const { requests } = converse([bytesOf(row)])
      expect(requests.length, String(row['name'])).toBeLessThanOrEqual(Number(row['max_upstream']))
    }
  })

  it('gets the same verdict however the bytes are cut', () => {
    for (const row of rows) {
      const bytes = bytesOf(row)
      const whole = converse([bytes])
      expect(converse(inBytes(bytes)), String(row['name'])).toEqual(whole)
      expect(converse(inLines(bytes)), String(row['name'])).toEqual(whole)
    }
  })
})
