/**
 * The parsers against llhttp, which node:http is built on: whatever ours take, it takes with the
 * same meaning. The reverse does not hold, and should not: ours are the stricter ones.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { converse } from '../support/conversation.ts'
import { readCorpus } from '../support/corpora.ts'
import { readByLlhttp } from '../support/llhttp.ts'

async function expectAgreement(bytes: Buffer): Promise<number> {
  const ours = converse([bytes]).requests.map(({ head, body }) => ({
    method: head.method,
    target: head.target,
    version: head.version,
    rawHeaders: head.fields.flatMap(([, value], index) => [head.spelling[index], value]),
    body,
  }))
  if (ours.length > 0) expect(await readByLlhttp(bytes, ours.length)).toEqual(ours)
  return ours.length
}

const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^`|~-]{1,12}$/)
const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/)
const target = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^\/[\x21\x22\x24-\x7e]{0,30}$/) },
  fc.constantFrom('/', '*', 'http://a/', 'http://a', 'HTTP://a?b', 'https://[::1]:80/x', 'a:80'),
)
const method = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'QUERY') },
  fc.constantFrom('M-SEARCH', 'CONNECT', 'X'),
)
const field = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(token, value).map(([name, text]) => `${name}: ${text}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Content-Length: 3',
      'content-length:03',
      'Content-Length: \t0 ',
      'Transfer-Encoding: chunked',
      'transfer-encoding: Chunked',
      'Connection: close',
      'Connection: keep-alive, upgrade',
      'Upgrade: websocket',
      'Expect: 100-continue',
      'Trailer: x',
      'X:',
    ),
  },
)
const body = fc.constantFrom(
  '',
  'abc',
  'abcd',
  '3\r\nabc\r\n0\r\n\r\n',
  '0\r\nx: y\r\n\r\n',
  '\r\n',
)

const request = fc
  .tuple(
    method,
    target,
    fc.constantFrom('1.1', '1.1', '1.0'),
    fc.array(field, { maxLength: 4 }),
    body,
  )
  .map(([verb, where, version, fields, rest]) =>
    [`${verb} ${where} HTTP/${version}`, 'Host: a', ...fields, '', rest].join('\r\n'),
  )

/** Bytes that mean something to some parser, and some that mean nothing to any. */
const splice = fc.record({
  at: fc.nat(),
  removed: fc.nat(2),
  inserted: fc.constantFrom(
    ...[
      '',
      '\r',
      '\n',
      '\r\n',
      ' ',
      '\t',
      ':',
      ',',
      ';',
      '_',
      '0',
      '1',
      '\0',
      '\x7f',
      '\x80',
      '\xff',
    ],
  ),
})

function mutate(
  text: string,
  splices: readonly { at: number; removed: number; inserted: string }[],
) {
  return splices.reduce((before, { at, removed, inserted }) => {
    const index = at % (before.length + 1)
    return before.slice(0, index) + inserted + before.slice(index + removed)
  }, text)
}

describe('llhttp', () => {
  it('HF-01 agrees on every generated request that we take, also behind another', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
        taken += await expectAgreement(Buffer.from(requests.join(''), 'latin1'))
      }),
      { numRuns: 1000 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it('HF-05 agrees on every mutated request that we take', async () => {
    let taken = 0
    const splices = fc.array(splice, { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(request, splices, async (text, changes) => {
        taken += await expectAgreement(Buffer.from(mutate(text, changes), 'latin1'))
      }),
      { numRuns: 2000 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it.each(['http/http1-smuggling', 'http/http1-te-mutations'])(
    'HF-02 agrees on what we take of %s',
    async (corpus) => {
      for (const row of readCorpus(corpus) ?? []) {
        const text = Buffer.from(row['raw_b64'] as string, 'base64').toString('latin1')
        await expectAgreement(Buffer.from(text.replaceAll('__HOST__', 'localhost'), 'latin1'))
      }
    },
  )
})
