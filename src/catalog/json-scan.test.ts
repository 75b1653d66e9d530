import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanJson, type JsonVisitor } from './json-scan.ts'

/** Collects `place = text` for every scalar. */
function collector(): { lines: string[]; visitor: JsonVisitor<string> } {
  const lines: string[] = []
  const visitor: JsonVisitor<string> = {
    root: '$',
    member: (place, name) => `${place}/${name}`,
    element: (place) => `${place}/*`,
    value: (place, text) => {
      if (text) lines.push(`${place} = ${text()}`)
    },
  }
  return { lines, visitor }
}

async function scan(text: string | Buffer) {
  const { lines, visitor } = collector()
  const result = await scanJson(Buffer.from(text), visitor)
  return { result, lines }
}

/** The same list, made from JSON.parse. */
function linesOf(value: unknown, place = '$'): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => linesOf(item, `${place}/*`))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, item]) => linesOf(item, `${place}/${key}`))
  return [`${place} = ${typeof value === 'string' ? value : JSON.stringify(value)}`]
}

describe('the JSON scanner', () => {
  it('shows every scalar with its place', async () => {
    const { result, lines } = await scan('{"a": [1, {"b\\u0061": "x\\n"}], "c": null, "": -1.5e3}')
    expect(result.ok).toBe(true)
    expect(lines).toEqual(['$/a/* = 1', '$/a/*/ba = x\n', '$/c = null', '$/ = -1.5e3'])
  })

  it('sees what JSON.parse sees', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
        const { result, lines } = await scan(JSON.stringify(value))
        expect(result.ok).toBe(true)
        expect([...lines].sort()).toEqual(linesOf(JSON.parse(JSON.stringify(value))).sort())
      }),
    )
  })

  it('accepts what JSON.parse accepts, but for its limits', async () => {
    const noise = fc.string({ unit: fc.constantFrom(...Array.from('{}[]":,0-1e.+tru \\nlfas')) })
    await fc.assert(
      fc.asyncProperty(noise, async (text) => {
        const { result } = await scan(text)
        let parses = true
        try {
          JSON.parse(text)
        } catch {
          parses = false
        }
        const isDuplicate = !result.ok && result.error === 'json_duplicate_key'
        expect(result.ok || isDuplicate).toBe(parses || isDuplicate)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([128, 256, 300])('reads on where a slice of %i KiB ended', async (kibibytes) => {
    const filler = kibibytes * 1024
    for (let shift = -12; shift <= 2; shift += 1) {
      for (const tail of ['"a\\u0041é"', '"\\\\"', '12.5', 'true', '{"k\\n":"v"}']) {
        for (const space of [' ', 'x']) {
          const long = space.repeat(filler + shift)
          const text = space === ' ' ? `[${long}${tail}]` : `["${long}",${tail}]`
          expect(await scan(text)).toEqual({
            result: { ok: true, value: undefined },
            lines: linesOf(JSON.parse(text)),
          })
        }
      }
    }
  })

  it.each([
    ['{"a":1,"a":2}', 'json_duplicate_key'],
    ['{"force":false,"forc\\u0065":true}', 'json_duplicate_key'],
    ['['.repeat(65) + ']'.repeat(65), 'json_too_deep'],
    [`{"${'k'.repeat(5000)}":1}`, 'json_key_too_long'],
    [`{${Array.from({ length: 100_001 }, (_, n) => `"${n}":0`).join()}}`, 'json_too_many_keys'],
    ['', 'json_malformed'],
    ['{"a":1}x', 'json_malformed'],
    ['\ufeff{}', 'json_malformed'],
    ['"\\ud8"', 'json_malformed'],
  ])('refuses %.40s', async (text, reason) => {
    const { result } = await scan(text)
    expect(result).toEqual({ ok: false, error: reason })
  })

  it('takes 64 levels and no more', async () => {
    expect((await scan('['.repeat(64) + ']'.repeat(64))).result.ok).toBe(true)
  })

  it.each([
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
    ['broken UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ])('refuses %s', async (_, bytes) => {
    expect((await scan(bytes)).result.ok).toBe(false)
  })

  it('AV-06 lets the event loop run while it walks a large text', async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1), 0)
    const large = `[${Array.from({ length: 300_000 }, () => '{"a":"bcd"}').join()}]`
    const { result } = await scan(large.replaceAll('{"a":"bcd"}', '"abcdefgh"'))
    clearInterval(timer)
    expect(result.ok).toBe(true)
    expect(turns).toBeGreaterThan(3)
  })

  it('AV-06 visits each value once', async () => {
    for (const size of [1000, 10_000]) {
      const { lines } = await scan(`[${Array.from({ length: size }, () => '1').join()}]`)
      expect(lines).toHaveLength(size)
    }
  })
})
