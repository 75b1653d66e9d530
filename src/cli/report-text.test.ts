import picocolors from 'picocolors'
import { describe, expect, it } from 'vitest'
import { aHostileReport, HOSTILE } from '../../test/support/hostile-report.ts'
import { blastRadiusText } from './report-blast-radius.ts'
import { columns, paragraph } from './report-paper.ts'
import { amountWords, byteWords } from './report-words.ts'

const paperOf = (width: number, isColored = false) => ({
  columns: width,
  colors: picocolors.createColors(isColored),
})

describe('a report as text', () => {
  it.each([...HOSTILE.entries()])('AU-04 cannot steer the terminal: attack %i', (_index, text) => {
    const printed = blastRadiusText(paperOf(80), aHostileReport(text))
    expect(printed).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/,
    )
  })

  it('has colours only where the terminal has', () => {
    const report = aHostileReport('agent')
    expect(blastRadiusText(paperOf(80, true), report)).toContain('\u001b[31mmoney')
    expect(blastRadiusText(paperOf(80), report)).not.toContain('\u001b')
  })

  it('speaks of containing only where something is live', () => {
    const { worstRisk, ...dead } = aHostileReport('agent')
    expect(blastRadiusText(paperOf(80), { ...dead, worstRisk: worstRisk! })).toContain(
      '\nTo contain it, the most effective first\n',
    )
    expect(blastRadiusText(paperOf(80), dead)).toContain(
      '\nWhat still makes sense, with nothing live\n',
    )
  })

  it.each([80, 120])('fits into %i columns, but for what must not be cut', (width) => {
    const long = 'a'.repeat(64)
    const lines = blastRadiusText(paperOf(width), aHostileReport('agent')).split('\n')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
    const cut = columns(
      paperOf(width),
      [{ name: 'n' }, { name: 'path', yields: true }],
      [['1', long.repeat(3)]],
    )
    for (const line of cut.split('\n')) expect(line.length).toBeLessThanOrEqual(width)
    expect(cut).toContain('…')
  })

  it('aligns numbers to the right and keeps every word of a paragraph', () => {
    const header = [{ name: 'calls', align: 'right' }, { name: 'what' }] as const
    expect(
      columns(paperOf(80), header, [
        ['7', 'a'],
        ['1200', 'b'],
      ]),
    ).toBe(['  calls  what', '      7  a', '   1200  b'].join('\n'))
    const text = 'one two three four five six seven eight nine ten eleven twelve'
    const wrapped = paragraph(paperOf(44), text)
    expect(wrapped.split('\n').length).toBeGreaterThan(1)
    expect(wrapped.split(/\s+/).filter(Boolean).join(' ')).toBe(text)
  })
})

it.each([
  [{ eur: 1999 }, '19.99 EUR'],
  [{ jpy: 500, usd: 5 }, '500 JPY, 0.05 USD'],
  [{ kwd: 1234 }, '1.234 KWD'],
  [{ '<b>': 100 }, '1.00 <B>'],
  [{}, ''],
])('writes the minor units %j as "%s"', (amounts, words) => {
  expect(amountWords(amounts)).toBe(words)
})

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [20 * 1024 * 1024, '20 MiB'],
])('writes %i bytes as %s', (bytes, words) => {
  expect(byteWords(bytes)).toBe(words)
})
