import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUsageReader, firstMembers, lastMembers } from './usage-reader.ts'
import type { Usage, UsagePlaces } from './usage.ts'

const PLACES: UsagePlaces = {
  model: [['model'], ['message', 'model'], ['response', 'model']],
  currency: [],
  inputTokens: [
    [['usage', 'input_tokens']],
    [['message', 'usage', 'input_tokens']],
    [['response', 'usage', 'input_tokens']],
  ],
  outputTokens: [[['usage', 'output_tokens']], [['response', 'usage', 'output_tokens']]],
  cachedTokens: [],
  amount: [],
}

/** The text in pieces of this size; 0 for all at once. */
function read(text: string, type: string, { size = 0, isWhole = true } = {}): Usage | undefined {
  const reader = createUsageReader(PLACES, type)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size || bytes.length)
    reader?.take(bytes.subarray(at, at + (size || bytes.length)))
  return reader?.finish(isWhole)
}

const JSON_TYPE = 'application/json; charset=utf-8'
const EVENTS = 'text/event-stream'
const USAGE = { model: 'gpt-4o', inputTokens: 11, outputTokens: 3 }
const answer = (filler: string) =>
  JSON.stringify({
    id: 'x',
    model: 'gpt-4o',
    choices: [{ text: filler }, '"usage":{"input_tokens":99}'],
    usage: { input_tokens: 11, output_tokens: 3 },
    last: null,
  })

describe('a JSON answer', () => {
  it.each([0, 1, 7, 1000])('is read at its end, in pieces of %i', (size) => {
    expect(read(answer('hello'), JSON_TYPE, { size })).toEqual(USAGE)
  })

  it.each([
    ['plain text', 'a'.repeat(300_000)],
    ['quotes and backslashes', '"\\'.repeat(100_000)],
    ['what looks like members', '},"usage":{"input_tokens":99},"a":{'.repeat(10_000)],
    ['many bytes for a character', '\u2028é'.repeat(60_000)],
  ])('that is large is read at its two ends: %s', (_kind, filler) => {
    for (const size of [0, 1448, 16_000]) {
      expect(read(answer(filler), JSON_TYPE, { size })).toEqual(USAGE)
    }
  })

  it.each([
    ['broke off', answer('hello'), { isWhole: false }],
    ['is no JSON', '<html>', {}],
    ['is empty', '', {}],
    ['says nothing of it', '{"id":1}', {}],
    ['is a large list', JSON.stringify([answer('a'.repeat(200_000))]), {}],
    ['is one large text', JSON.stringify('a,'.repeat(200_000)), {}],
  ])('that %s tells nothing', (_case, text, options) => {
    expect(read(text, JSON_TYPE, options)).toBeUndefined()
  })

  it.each([undefined, '', 'text/html', 'application/octet-stream'])(
    'of type %s is not read',
    (type) => {
      expect(createUsageReader(PLACES, type)).toBeUndefined()
    },
  )
})

describe('an event stream', () => {
  const chat = [
    'data: {"model":"gpt-4o","choices":[{"delta":{"content":"hi"}}],"usage":null}',
    'data: {"model":"gpt-4o","choices":[],"usage":{"input_tokens":11,"output_tokens":3}}',
    'data: [DONE]',
  ].join('\n\n')
  const messages = [
    'event: message_start\ndata: {"type":"message_start","message":{"model":"gpt-4o","usage":{"input_tokens":11,"output_tokens":1}}}',
    'event: ping\ndata: {"type":"ping"}',
    'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":2}}',
    'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":3}}',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ].join('\n\n')
  const responses =
    'event: response.completed\r\ndata: {"type":"response.completed","response":{"model":"gpt-4o","output":[],"usage":{"input_tokens":11,"output_tokens":3}}}\r\n\r\n'

  it.each([
    ['chat completions', chat],
    ['messages', messages],
    ['responses', responses],
  ])('of %s is read line by line, however it is cut', (_kind, text) => {
    for (const size of [0, 1, 3, 50]) expect(read(text, EVENTS, { size })).toEqual(USAGE)
  })

  it('that broke off tells what it cost so far', () => {
    const text = messages.slice(0, messages.indexOf('event: ping'))
    expect(read(text, EVENTS, { isWhole: false })).toEqual({ model: 'gpt-4o', inputTokens: 11 })
  })

  it.each([
    ['a line without an end', `data: ${'x'.repeat(1_000_000)}`],
    ['an event that is too large', `data: {"model":"a","x":"${'x'.repeat(200_000)}"}\n\n`],
    ['no JSON', 'data: {"usage":{"input_tokens"\n\n'],
    ['other fields', 'id: {"model":"gpt-4o"}\n\n'],
  ])('tells nothing by %s, and goes on', (_case, text) => {
    expect(read(text, EVENTS, { size: 1448 })).toBeUndefined()
    expect(read(`${text}\n${chat}`, EVENTS, { size: 1448 })).toEqual(USAGE)
  })
})

describe('members of an object that was cut', () => {
  const objects = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 2 })

  it('are those that are whole, from the beginning and from the end', () => {
    fc.assert(
      fc.property(objects, fc.nat(), (object, seed) => {
        const text = JSON.stringify(object)
        const said = JSON.parse(text) as typeof object // without -0, which JSON does not keep
        const at = seed % text.length
        const first = firstMembers(text.slice(0, at))
        const last = lastMembers(text.slice(at))
        for (const part of [first, last].filter((each) => each !== '')) {
          const members = Object.entries(JSON.parse(part) as object)
          for (const [key, value] of members) expect(said[key]).toEqual(value)
        }
      }),
    )
  })

  it('are sought in any text without a throw', () => {
    const noise = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a'))
    fc.assert(
      fc.property(noise, (parts) => {
        firstMembers(parts.join(''))
        lastMembers(parts.join(''))
      }),
    )
  })
})
