import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { needlesFor } from './needles.ts'
import { Scrubber, scrubText } from './scrubber.ts'

const VALUE = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'
const SLASHED = 'pa+ss/wo=rd&12345'
const NEEDLES = needlesFor([new Secret(VALUE), new Secret(SLASHED)])

const hex = (text: string) => Buffer.from(text).toString('hex')
const each = (text: string, form: (code: number) => string) =>
  Array.from(text, (character) => form(character.charCodeAt(0))).join('')
const padded = (code: number, length: number) => code.toString(16).padStart(length, '0')

/** Written back in each way, whole. */
const FORMS: readonly (readonly [string, (text: string) => string | Buffer])[] = [
  ['plain', (text) => text],
  ['base64', (text) => Buffer.from(text).toString('base64')],
  ['base64 behind one byte', (text) => Buffer.from(`:${text}`).toString('base64')],
  [
    'base64 behind two bytes and before more',
    (text) => Buffer.from(`a:${text}xyz`).toString('base64'),
  ],
  ['base64url', (text) => Buffer.from(text).toString('base64url')],
  ['hex', hex],
  ['hex in capitals', (text) => hex(text).toUpperCase()],
  ['percent', (text) => each(text, (code) => `%${padded(code, 2)}`)],
  ['percent in capitals', (text) => each(text, (code) => `%${padded(code, 2).toUpperCase()}`)],
  ['percent where it must be', encodeURIComponent],
  ['percent of base64', (text) => encodeURIComponent(Buffer.from(text).toString('base64'))],
  ['JSON escapes', (text) => each(text, (code) => `\\u${padded(code, 4)}`)],
  [
    'JSON escapes in capitals',
    (text) => each(text, (code) => `\\u${padded(code, 4).toUpperCase()}`),
  ],
  ['JSON with escaped slashes', (text) => text.replaceAll('/', '\\/')],
  [
    'JSON of base64 with escaped slashes',
    (text) => Buffer.from(text).toString('base64').replaceAll('/', '\\/'),
  ],
  ['HTML decimal', (text) => each(text, (code) => `&#${code};`)],
  ['HTML hexadecimal', (text) => each(text, (code) => `&#x${padded(code, 2)};`)],
  [
    'HTML names',
    (text) => text.replaceAll('&', '&amp;').replaceAll('+', '&plus;').replaceAll('=', '&equals;'),
  ],
  ['UTF-16, little end first', (text) => Buffer.from(text, 'utf16le')],
  ['UTF-16, big end first', (text) => Buffer.from(text, 'utf16le').swap16()],
  [
    'half of it percent',
    (text) => text.slice(0, 9) + each(text.slice(9), (code) => `%${padded(code, 2)}`),
  ],
  [
    'each other character escaped',
    (text) =>
      Array.from(text, (one, index) =>
        index % 2 ? one : `\\u${padded(one.charCodeAt(0), 4)}`,
      ).join(''),
  ],
]

const CASES = FORMS.flatMap(([form, write]) =>
  [VALUE, SLASHED].map((value) => [form, Buffer.from(write(value)), value] as const),
)

/** The chunks through a scrubber, as a client would put them together. */
function scrubbed(chunks: readonly Buffer[], needles = NEEDLES) {
  const scrubber = new Scrubber(needles)
  const out = chunks.map((chunk) => Buffer.from(scrubber.push(chunk)))
  return { text: Buffer.concat([...out, scrubber.end()]), hits: scrubber.hits, scrubber }
}

const split = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const cuts = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]
  return cuts.slice(1).map((cut, index) => bytes.subarray(cuts[index], cut))
}

const before = Buffer.from('{"before": "')
const after = Buffer.from('", "after": 1}')

describe('CE-01 a secret in an answer', () => {
  it.each(CASES)('is overwritten as %s', (_form, written) => {
    const { text, hits } = scrubbed([before, written, after])
    expect(hits).toBeGreaterThan(0)
    expect(text.length).toBe(before.length + written.length + after.length)
    expect(text.includes(written)).toBe(false)
    expect(text.subarray(0, before.length)).toEqual(before)
    expect(text.subarray(-after.length)).toEqual(after)
    const middle = text
      .subarray(before.length, -after.length)
      .toString('latin1')
      .replaceAll('\0', '')
    // Of base64, what depends on its neighbours as well may stay.
    expect(middle.replaceAll('*', '').length).toBeLessThanOrEqual(12)
  })

  it.each(CASES)('CE-02 is overwritten as %s when each byte comes alone', (_form, written) => {
    const whole = Buffer.concat([before, written, after])
    const bytes = Array.from(whole, (_, index) => whole.subarray(index, index + 1))
    expect(scrubbed(bytes).text).toEqual(scrubbed([whole]).text)
  })

  it.each(CASES)('CE-02 is overwritten as %s wherever it is split in two', (_form, written) => {
    const whole = Buffer.concat([before, written, after])
    const expected = scrubbed([whole]).text
    for (let at = 0; at <= whole.length; at++)
      expect(scrubbed([whole.subarray(0, at), whole.subarray(at)]).text).toEqual(expected)
  })

  it('CE-03 is overwritten behind megabytes of anything, and across their borders', () => {
    const filling = Buffer.alloc(6 * 1024 * 1024, 'abc ')
    const whole = Buffer.concat([filling, Buffer.from(VALUE), filling])
    const chunks = split(whole, [1_000_000, 3_000_000, filling.length + 7, filling.length + 20])
    const { text, hits } = scrubbed(chunks)
    expect([hits, text.length, text.includes(VALUE.slice(0, 12))]).toEqual([1, whole.length, false])
  })

  it('is overwritten as often as it stands there', () => {
    const { text, hits } = scrubbed([Buffer.from(`${VALUE}${VALUE} ${SLASHED}`)])
    expect([hits, text.toString()]).toEqual([3, `${'*'.repeat(64)} ${'*'.repeat(SLASHED.length)}`])
  })

  it('is overwritten in a header', () => {
    expect(scrubText(`session=${VALUE}; Path=/`, NEEDLES)).toEqual({
      ...{ text: `session=${'*'.repeat(32)}; Path=/`, hits: 1 },
    })
    expect(scrubText('session=abc; Path=/', NEEDLES)).toBeUndefined()
  })
})

/** What a look at the whole answer would find: the oracle. */
function isClean(text: Buffer): boolean {
  const decoded = text.toString('latin1')
  return CASES.every(([, written]) => !decoded.includes(coreOf(written)))
}

const coreOf = (written: Buffer): string => written.toString('latin1').replace(/=+$/, '')

describe('an answer of anything', () => {
  const piece = fc.oneof(
    fc.constantFrom(...CASES.map(([, written]) => written)),
    fc
      .constantFrom(
        VALUE.slice(0, 11),
        VALUE.slice(3),
        '%',
        '\\u00',
        '&#',
        'sk_',
        '\n\n',
        'sk_live_%',
      )
      .map((text) => Buffer.from(text)),
    fc.string().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  )

  it('CE-02 comes out the same however it is split, and holds no secret', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        (pieces, places) => {
          const whole = Buffer.concat(pieces)
          const { text } = scrubbed([whole])
          expect(text.length).toBe(whole.length)
          expect(isClean(text)).toBe(true)
          expect(scrubbed(split(whole, places)).text).toEqual(text)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('that holds none comes out as it went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(400)), (bytes, places) => {
        const whole = Buffer.from(bytes)
        const { text, hits } = scrubbed(split(whole, places))
        expect([hits, text]).toEqual([0, whole])
      }),
    )
  })

  it('is held back by no more than what may be a secret', () => {
    const scrubber = new Scrubber(NEEDLES)
    expect(scrubber.push(Buffer.from('data: hello\n\n')).toString()).toBe('data: hello\n\n')
    expect(scrubber.push(Buffer.from('data: sk_')).toString()).toBe('data: ')
    expect(scrubber.heldBytes).toBe(3)
    expect(scrubber.push(Buffer.from('test\n\n')).toString()).toBe('sk_test\n\n')
    expect(scrubber.push(Buffer.from('100%')).toString()).toBe('100')
    expect(scrubber.push(Buffer.from(' sure')).toString()).toBe('% sure')
  })
})

describe('what was shown rather than let a stream stand still', () => {
  it('is sent once, and is forgotten when it was the beginning of nothing', () => {
    const scrubber = new Scrubber(NEEDLES)
    scrubber.push(Buffer.from('ask'))
    expect([scrubber.show().toString(), scrubber.heldBytes]).toEqual(['sk', 0])
    expect(scrubber.show().length).toBe(0)
    expect(scrubber.push(Buffer.from('_lime')).toString()).toBe('_lime')
    expect(scrubber.isLeaking).toBe(false)
    expect(scrubber.end().length).toBe(0)
  })

  it('makes what follows a leak when it was the beginning of a secret', () => {
    const scrubber = new Scrubber(NEEDLES)
    scrubber.push(Buffer.from('sk_liv'))
    scrubber.show()
    expect(scrubber.push(Buffer.from(`${VALUE.slice(6)} and more`)).toString()).not.toContain(
      '4eC39',
    )
    expect(scrubber.isLeaking).toBe(true)
  })

  it('is never more than a few bytes', () => {
    const scrubber = new Scrubber(NEEDLES)
    scrubber.push(Buffer.from('sk_live_4eC'))
    expect(scrubber.show().length).toBe(0)
    expect(scrubber.heldBytes).toBe(11)
  })
})

describe('a value of several lines', () => {
  it('CE-01 is found in JSON, where line breaks are escapes', () => {
    const value = '-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----\n'
    const needles = needlesFor([new Secret(value)])
    const text = scrubbed([Buffer.from(JSON.stringify({ value }))], needles).text.toString()
    expect(text).toMatch(/^\{"value":"\*+"\}$/)
  })
})

describe('a value that is too short to be told from chance', () => {
  it('is no needle', () => {
    const needles = needlesFor([new Secret('abc'), new Secret('1234567')])
    expect(scrubbed([Buffer.from('abc 1234567')], needles)).toMatchObject({ hits: 0 })
  })
})

describe('a secret of which only the beginning is said', () => {
  const scrubbedText = (text: string, value: string, isCoded = false) => {
    const { text: out, hits } = scrubbed(
      [Buffer.from(text)],
      needlesFor([new Secret(value)], isCoded),
    )
    return [out.toString(), hits]
  }
  const jwt = `eyJhbGciOiJIUzI1NiJ9.${'c2VjcmV0'.repeat(6)}`

  it('is overwritten from its first byte on, and counts when it is most of it', () => {
    const most = VALUE.slice(0, -1)
    expect(scrubbedText(`key ${most}, cut`, VALUE)).toEqual([`key ${'*'.repeat(31)}, cut`, 1])
    expect(scrubbedText(`key ${most}`, VALUE)).toEqual([`key ${'*'.repeat(31)}`, 1])
    expect(scrubbedText(`key ${VALUE.slice(0, 12)}...`, VALUE)).toEqual([
      `key ${'*'.repeat(12)}...`,
      0,
    ])
  })

  it.each([
    ['its label', VALUE, 'sk_live_'],
    ['a longer label', `sk-ant-api03-${'Ab1'.repeat(30)}`, 'sk-ant-api03-'],
    ['the header that all of an issuer have', jwt, 'eyJhbGciOiJIUzI1NiJ9.'],
  ])('is left where that is %s', (_what, value, beginning) => {
    const text = `${beginning}of another`
    expect(scrubbedText(text, value)).toEqual([text, 0])
    expect(scrubbedText(value.slice(0, beginning.length + 1), value)).toEqual([
      '*'.repeat(beginning.length + 1),
      0,
    ])
  })

  it('is overwritten to its eighth byte where it is words with dashes', () => {
    const words = 'correct-horse-battery-staple'
    expect(scrubbedText('correct-horse', words)).toEqual(['*'.repeat(13), 0])
  })
})

describe('secrets that hold each other, or themselves', () => {
  const short = 'abcd1234'
  const long = 'abcd1234EFGH5678ijkl9012'

  it('are found though they are split where the shorter one ends', () => {
    const needles = needlesFor([new Secret(short), new Secret(long)])
    const parts = [Buffer.from(short), Buffer.from(long.slice(short.length))]
    expect(scrubbed(parts, needles).text.toString()).toBe('*'.repeat(long.length))
  })

  it('are found where one begins in the end of another', () => {
    const needles = needlesFor([new Secret('abc12345678abc')])
    const text = 'abc12345678abc12345678abc!'
    for (let at = 0; at <= text.length; at++) {
      const parts = [Buffer.from(text.slice(0, at)), Buffer.from(text.slice(at))]
      expect(scrubbed(parts, needles).text.toString()).toBe(`${'*'.repeat(25)}!`)
    }
  })
})

describe('a value beyond ASCII', () => {
  const needles = needlesFor([new Secret('k\u00e9y-live-0123456789')])

  it.each([
    ['as it stands in a header', Buffer.from('k\u00e9y-live-0123456789', 'latin1')],
    ['as it stands in a body', Buffer.from('k\u00e9y-live-0123456789')],
    ['in JSON of ASCII', Buffer.from('k\\u00e9y-live-0123456789')],
    ['in HTML', Buffer.from('k&#233;y-live-0123456789')],
    ['in HTML without a semicolon', Buffer.from('k&#xe9y-live-0123456789')],
  ])('CE-01 is found %s', (_how, written) => {
    expect(scrubbed([written], needles).text.toString('latin1')).toMatch(/^\*+$/)
  })
})

describe('a value that requests carry in base64', () => {
  const header = `Basic ${Buffer.from(`AC1:${VALUE}`).toString('base64')}`
  const needles = needlesFor([new Secret(VALUE)], true)

  it.each([
    ['base64', Buffer.from(Buffer.from(header).toString('base64'))],
    ['hex', Buffer.from(Buffer.from(header).toString('hex'))],
    ['UTF-16', Buffer.from(header, 'utf16le')],
  ])('CE-01 is found where that is shown in %s', (_how, written) => {
    const { text, hits } = scrubbed([written], needles)
    expect(hits).toBeGreaterThan(0)
    expect(text.includes(written.subarray(-20, -8))).toBe(false)
  })
})
