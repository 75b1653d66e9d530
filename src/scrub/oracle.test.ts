/**
 * The scrubber against an oracle that knows nothing of how it works: it reads what came out in every
 * way in which a client might, one way after the other over the whole of it, and looks for the secret.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { needlesFor } from './needles.ts'
import { Scrubber } from './scrubber.ts'

/** More of a beginning than may be seen; these secrets have no label. */
const TOO_MUCH = 9

const NAMED: Readonly<Record<string, string>> = { amp: '&', plus: '+', equals: '=', sol: '/' }

const ESCAPE =
  /%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|&#x0*([0-9a-f]{1,2});?|&#0*(\d{1,3});?|&(amp|plus|equals|sol);|\\([/"\\])/gi

function unescape(text: string): string {
  return text.replace(ESCAPE, (whole, ...groups: (string | undefined)[]) => {
    const [percent, json, hex, reference, decimal, name, itself] = groups
    const digits = percent ?? json ?? hex ?? reference
    if (digits !== undefined) return String.fromCharCode(parseInt(digits, 16))
    if (decimal !== undefined) return String.fromCharCode(Number(decimal))
    return itself ?? NAMED[name?.toLowerCase() ?? ''] ?? whole
  })
}

function* readings(out: Buffer): Generator<string> {
  const plain = out.toString('latin1')
  const unescaped = unescape(plain)
  yield plain
  yield unescaped
  yield plain.replaceAll('\0', '')
  for (const text of [plain, unescaped]) {
    for (const [run] of text.matchAll(/[0-9a-f]{2,}/gi))
      for (const from of [0, 1]) yield Buffer.from(run.slice(from), 'hex').toString('latin1')
    for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{2,}/g))
      for (const from of [0, 1, 2, 3])
        yield Buffer.from(run.slice(from), 'base64').toString('latin1')
  }
}

const hexOf = (code: number): string => code.toString(16).padStart(2, '0')

/** Ways to write one character, by number. */
const WAYS: readonly ((code: number) => string)[] = [
  (code) => String.fromCharCode(code),
  (code) => `%${hexOf(code)}`,
  (code) => `%${hexOf(code).toUpperCase()}`,
  (code) => `\\u00${hexOf(code)}`,
  (code) => `\\x${hexOf(code)}`,
  (code) => `&#${code};`,
  (code) => `&#0000000${code};`,
  (code) => `&#x${hexOf(code)};`,
]

const mixed = (text: string, ways: readonly number[]): string =>
  Array.from(text, (character, index) => {
    const way = WAYS[(ways[index % ways.length] ?? 0) % WAYS.length]
    return way?.(character.charCodeAt(0)) ?? ''
  }).join('')

interface Writing {
  readonly form: number
  readonly ways: readonly number[]
  readonly around: readonly [string, string]
}

/** As a program that was given it might write it back. */
function write(secret: string, { form, ways, around: [before, after] }: Writing): Buffer {
  const coded = Buffer.from(`${before}${secret}${after}`)
  switch (form) {
    case 0:
      return Buffer.from(mixed(secret, ways))
    case 1:
      return Buffer.from(coded.toString('base64'))
    case 2:
      return Buffer.from(mixed(coded.toString('base64url'), ways))
    case 3:
      return Buffer.from(Buffer.from(secret).toString('hex'))
    case 4:
      return Buffer.from(secret, 'utf16le')
    case 5:
      return Buffer.from(secret, 'utf16le').swap16()
    default:
      return Buffer.from(secret)
  }
}

// No dash or underscore, so that all of it is secret; no escape of its own, which has two readings.
const secrets = fc.stringMatching(/^[A-Za-z0-9+/=.:]{16,48}$/)
const writings = fc.record({
  form: fc.nat(6),
  ways: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
  around: fc.tuple(fc.stringMatching(/^[a-z:]{0,4}$/), fc.stringMatching(/^[a-z:]{0,4}$/)),
})
const filling = fc.constantFrom('', ' ', '\n\n', '{"a": "', '", ', '%', '&#', '\\', 'text')

function scrubbed(whole: Buffer, places: readonly number[], secret: string): Buffer {
  const scrubber = new Scrubber(needlesFor([new Secret(secret)]))
  const cuts = [0, ...places.map((place) => place % (whole.length + 1)), whole.length]
  cuts.sort((one, other) => one - other)
  const out = cuts
    .slice(1)
    .map((cut, index) => Buffer.from(scrubber.push(whole.subarray(cuts[index], cut))))
  return Buffer.concat([...out, scrubber.end()])
}

it('CE-01 CE-02 no reading of what comes out holds the secret, or more than a little of its beginning', () => {
  fc.assert(
    fc.property(
      secrets,
      fc.array(fc.tuple(writings, filling, fc.option(fc.nat(48))), { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(3000), { maxLength: 10 }),
      (secret, pieces, places) => {
        const whole = Buffer.concat(
          pieces.flatMap(([writing, text, cut]) => {
            // Some say only the beginning of it.
            const said = secret.slice(0, cut === null ? secret.length : Math.max(TOO_MUCH, cut))
            return [write(said, writing), Buffer.from(text)]
          }),
        )
        const out = scrubbed(whole, places, secret)
        expect(out.length).toBe(whole.length)
        for (const reading of readings(out))
          expect(reading.includes(secret.slice(0, TOO_MUCH))).toBe(false)
      },
    ),
    { numRuns: 1500 },
  )
})
