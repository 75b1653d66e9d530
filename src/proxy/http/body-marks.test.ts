import { describe, expect, it } from 'vitest'
import { makeKey } from '../../../test/support/canary.ts'
import { Secret } from '../../secret/secret.ts'
import { ValueSearch } from '../../secret/value-search.ts'
import { mintToken } from '../../token/token.ts'
import { BodyMarks, marksOfHeld } from './body-marks.ts'

const STORED = 'no-vendor-would-know-this-one'
const INJECTED = new Secret('nor-that-which-is-injected')
const KEY = makeKey('sk_live_')
const TOKEN = mintToken('pt', 'live')
const PAD = 'so many words '

const stored = new ValueSearch([new Secret(STORED)])
const credential = { name: 'x', version: '1', fields: new Map([['secret', INJECTED]]) }
const injected = { service: { credentialForms: [] }, credential }

/** What a body deserves that comes in pieces of this many bytes. */
function marksOf(text: string, size: number) {
  const marks = new BodyMarks({ stored, injected })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) marks.push(bytes.subarray(at, at + size))
  return marks.marks()
}

const behind = (bytes: number, what: string) => PAD.repeat(bytes / PAD.length) + what + PAD

describe.each([
  ['a stored value', STORED, 'credential_in_body'],
  ['the credential that it is given', INJECTED.reveal(), 'credential_in_body'],
  ["somebody's key", KEY, 'credential_in_body'],
  ['a token', TOKEN, 'phantom_in_body'],
])('%s', (_what, text, mark) => {
  it.each([
    [0, 1 << 20],
    [0, 1],
    [70_000, 64 * 1024],
    [70_000, 7],
    [500_000, 16_384],
    [500_000, 1000],
  ])('is found behind %i bytes, in pieces of %i', (before, size) => {
    expect(marksOf(behind(before, text), size)).toEqual([mark])
  })

  it('is found wherever a block ends', () => {
    for (let before = 16_384 - text.length - 3; before < 16_390; before++)
      expect(marksOf(`${' '.repeat(before)}${text} ${PAD}`, 16_384), String(before)).toEqual([mark])
  })
})

it('finds nothing where there is nothing', () => {
  expect(marksOf(behind(300_000, ''), 5000)).toEqual([])
  expect(new BodyMarks({ stored }).marks()).toEqual([])
})

it('finds both kinds, each once', () => {
  const text = behind(30_000, `${TOKEN} `) + behind(50_000, `${KEY} ${TOKEN} ${STORED} `)
  expect(marksOf(text, 4096)).toEqual(['phantom_in_body', 'credential_in_body'])
})

it('looks through a long body in memory without keeping others waiting', async () => {
  const order: string[] = []
  const marks = marksOfHeld(Buffer.from(behind(2 << 20, STORED)), stored).then((found) => {
    order.push('looked')
    return found
  })
  setImmediate(() => order.push('another'))
  expect(await marks).toEqual(['credential_in_body'])
  expect(order).toEqual(['another', 'looked'])
})
