import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countReads } from '../../../test/support/counted.ts'
import { readRequestHead } from './request-head.ts'

const LIMITS = { maxHeaderBytes: 4096, maxFields: 12, maxTargetBytes: 256 }

const GET = 'GET / HTTP/1.1'
const OLD = 'GET / HTTP/1.0'

function readText(text: string) {
  const bytes = Buffer.from(text, 'latin1')
  return readRequestHead(bytes, bytes.length, LIMITS)
}

const read = (line: string, ...fields: readonly string[]) =>
  readText([line, ...fields, '', ''].join('\r\n'))

const readWith = (...fields: readonly string[]) => read(GET, 'Host: a', ...fields)

describe('readRequestHead', () => {
  it('keeps order, values and spelling, and gives names in lower case', () => {
    expect(
      read('POST /a?b=c HTTP/1.1', 'Host: A.example:80', 'X-Two:2', 'x-two: \t3 4\t '),
    ).toEqual({
      ok: true,
      value: {
        method: 'POST',
        target: '/a?b=c',
        version: '1.1',
        host: 'a.example:80',
        fields: [
          ['host', 'A.example:80'],
          ['x-two', '2'],
          ['x-two', '3 4'],
        ],
        spelling: ['Host', 'X-Two', 'x-two'],
        length: 0,
        keepsAlive: true,
        awaitsContinue: false,
        upgrade: undefined,
      },
    })
  })

  it('reads no byte behind the end', () => {
    const head = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const bytes = Buffer.concat([head, Buffer.from('X: y\r\n\r\n')])
    expect(readRequestHead(bytes, head.length, LIMITS)).toMatchObject({
      value: { fields: [['host', 'a']] },
    })
  })

  it.each([
    ['an end in the middle of a line', 20],
    ['an end behind the bytes', 999],
    ['an end at the start', 0],
    ['an end before the start', -4],
    ['an end that skips another', 36],
  ])('refuses %s', (_case, end) => {
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n')
    expect(readRequestHead(bytes, end, LIMITS)).toMatchObject({ error: { status: 400 } })
  })

  it.each(['/', '/a%20b?c=d?e&"{|}\\^`', 'http://a/b', 'HTTPS://A', 'http://a?b'])(
    'takes the target %s',
    (target) => {
      expect(read(`GET ${target} HTTP/1.1`, 'Host: a')).toMatchObject({ value: { target } })
    },
  )

  it('takes the asterisk of OPTIONS only', () => {
    expect(read('OPTIONS * HTTP/1.1', 'Host: a')).toMatchObject({ value: { target: '*' } })
    expect(read('GET * HTTP/1.1', 'Host: a')).toMatchObject({ error: { status: 400 } })
  })

  it.each([
    [400, 'GET  / HTTP/1.1'],
    [400, 'GET /  HTTP/1.1'],
    [400, ' GET / HTTP/1.1'],
    [400, 'GET / HTTP/1.1 '],
    [400, 'GET / HTTP/1.1 x'],
    [400, 'GET\t/ HTTP/1.1'],
    [400, 'GET /'],
    [400, 'GET HTTP/1.1'],
    [400, 'G@T / HTTP/1.1'],
    [400, 'GET /#a HTTP/1.1'],
    [400, 'GET /\x7f HTTP/1.1'],
    [400, 'GET /\xe9 HTTP/1.1'],
    [400, 'GET a HTTP/1.1'],
    [400, 'GET a:80 HTTP/1.1'],
    [400, 'GET ftp://a/ HTTP/1.1'],
    [400, 'GET http:///a HTTP/1.1'],
    [400, 'GET http://u@a/ HTTP/1.1'],
    [400, 'GET / http/1.1'],
    [400, 'GET / HTTP/1'],
    [400, 'GET / HTTP/1.11'],
    [400, 'GET / ICE/1.0'],
    [501, 'get / HTTP/1.1'],
    [501, 'MKCOLA / HTTP/1.1'],
    [405, 'TRACE / HTTP/1.1'],
    [405, 'CONNECT a:443 HTTP/1.1'],
    [414, `GET /${'a'.repeat(256)} HTTP/1.1`],
  ])('answers %i to the line %j', (status, line) => {
    expect(read(line, 'Host: a')).toMatchObject({ error: { status } })
  })

  it.each([
    'GET / HTTP/2.0',
    'GET / HTTP/0.9',
    'GET / HTTP/1.2',
    'GET / HTTP/5.6',
    'PRI * HTTP/2.0',
  ])('HF-07 answers 505 to %s', (line) => {
    expect(read(line)).toMatchObject({ error: { status: 505 } })
  })

  it.each([
    'X : y',
    'X\t: y',
    ' X: y',
    '\tX: y',
    ' folded',
    ': y',
    'X',
    'X Y: z',
    'X@Y: z',
    'X\xe9: z',
    'X: \0',
    'X: a\x7f',
    'X: a\rb',
    'X: a\nb',
    'X: \x0c',
  ])('HF-05 refuses the field line %j', (line) => {
    expect(readWith(line)).toMatchObject({ error: { status: 400 } })
    expect(read(GET, line, 'Host: a')).toMatchObject({ error: { status: 400 } })
  })

  it.each(['X:', 'X: a\tb', 'X: \xe9\xff', 'X.Y|Z: ok', 'X: ":;,'])('takes the line %j', (line) => {
    expect(readWith(line)).toMatchObject({ ok: true })
  })

  it.each([
    'x_y: 1',
    'Content_Length: 1',
    'Transfer_Encoding: chunked',
    'Host_: a',
    'Content.Length: 1',
    'Transfer~Encoding: chunked',
    'Host!: a',
    'X.Phantom.Token: a',
  ])('HF-10 refuses %s, which others could read as another field', (line) => {
    expect(readWith(line)).toMatchObject({ error: { status: 400 } })
  })

  it.each([
    ['Content-Length: 12', 12],
    ['Content-Length: 0012', 12],
    ['Content-Length: 9007199254740991', Number.MAX_SAFE_INTEGER],
    ['Transfer-Encoding: Chunked', undefined],
  ])('reads the framing of %s', (line, length) => {
    expect(readWith(line)).toMatchObject({ value: { length } })
  })

  it.each(
    [
      '',
      '+5',
      '-1',
      '0x5',
      '5, 5',
      '5 5',
      '5,5',
      '1e3',
      '5.0',
      '1Z',
      '\xb2',
      '9007199254740992',
    ].map((value) => [value]),
  )('HF-03 refuses the length %j', (value) => {
    expect(readWith(`Content-Length: ${value}`)).toMatchObject({ error: { status: 400 } })
  })

  it.each([
    [400, ['Content-Length: 1', 'Transfer-Encoding: chunked']],
    [400, ['Transfer-Encoding: chunked', 'Content-Length: 1']],
    [400, ['Content-Length: 1', 'Content-Length: 1']],
    [400, ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    [400, ['Transfer-Encoding: chunked\t']],
    [400, ['Transfer-Encoding: chunked ']],
    [501, ['Transfer-Encoding: gzip, chunked']],
    [501, ['Transfer-Encoding: chunked, chunked']],
    [501, ['Transfer-Encoding: identity']],
    [501, ['Transfer-Encoding: "chunked"']],
    [501, ['Transfer-Encoding: \xa0chunked']],
    [400, ['Transfer-Encoding: ']],
    [501, ['Transfer-Encoding:']],
  ])('HF-01 HF-02 answers %i to %j', (status, lines) => {
    expect(readWith(...lines)).toMatchObject({ error: { status } })
  })

  it.each(['Authorization', 'Content-Type', 'Host', 'Proxy-Authorization', 'X-Phantom-Token'])(
    'refuses two %s fields, however they are spelled',
    (name) => {
      const lines = [`${name}: a`, `${name.toUpperCase()}: a`]
      expect(read(GET, 'X: y', ...lines, 'Host: a')).toMatchObject({ error: { status: 400 } })
    },
  )

  it.each(['a', 'a.b', 'a.b.', 'a-b_c.d:1', '127.0.0.1:8900', '0.0.0.0=5000', '[::1]:65535'])(
    'takes the host %s',
    (host) => {
      expect(read(GET, `Host: ${host}`)).toMatchObject({ value: { host } })
    },
  )

  it.each([
    '',
    'a b',
    'a,b',
    'a/b',
    'a:',
    'a:99999',
    'a:b',
    '[::1',
    '[::1]:99999',
    'u@a',
    '.a',
    'a%2e',
  ])('HF-06 refuses the host %j', (host) => {
    expect(read(GET, `Host: ${host}`)).toMatchObject({ error: { status: 400 } })
  })

  it('HF-06 refuses no Host, and a target that names another', () => {
    expect(read(GET)).toMatchObject({ error: { status: 400 } })
    expect(read('GET http://b/ HTTP/1.1', 'Host: a')).toMatchObject({ error: { status: 400 } })
    expect(read('GET http://a:80/ HTTP/1.1', 'Host: a')).toMatchObject({ error: { status: 400 } })
  })

  it('needs no host in HTTP/1.0, and knows no coding, no 100 and no upgrade there', () => {
    const fields = ['Expect: 100-continue', 'Content-Length: 1']
    const upgrade = ['Connection: upgrade, keep-alive', 'Upgrade: x']
    expect(read(OLD, ...fields, ...upgrade)).toMatchObject({
      value: { host: undefined, awaitsContinue: false, upgrade: undefined, keepsAlive: false },
    })
    expect(read(OLD, 'Transfer-Encoding: chunked')).toMatchObject({ error: { status: 400 } })
  })

  it.each([
    [GET, undefined, true],
    [GET, 'keep-alive', true],
    [GET, 'Close', false],
    [GET, 'close\t', false],
    [GET, 'x, ,close', false],
    [GET, 'keep-alive, close', false],
    [OLD, undefined, false],
    [OLD, 'Keep-Alive', true],
  ])('after %s with Connection %j keeps alive: %s', (line, value, keepsAlive) => {
    const fields = value === undefined ? [] : [`Connection: ${value}`]
    expect(read(line, 'Host: a', ...fields)).toMatchObject({ value: { keepsAlive } })
  })

  it('joins several Connection fields, and refuses what is no token in them', () => {
    expect(readWith('Connection: x', 'Connection: close')).toMatchObject({
      value: { keepsAlive: false },
    })
    expect(readWith('Connection: a b')).toMatchObject({ error: { status: 400 } })
    expect(readWith('Connection: close\xa0')).toMatchObject({ error: { status: 400 } })
  })

  it('sees an upgrade only where Connection names it', () => {
    expect(readWith('Connection: Upgrade', 'Upgrade: WebSocket')).toMatchObject({
      value: { upgrade: 'websocket' },
    })
    expect(readWith('Upgrade: WebSocket')).toMatchObject({ value: { upgrade: undefined } })
  })

  it('HF-08 knows one expectation, and only for a body', () => {
    const expect100 = 'Expect: 100-Continue'
    expect(readWith(expect100, 'Content-Length: 1')).toMatchObject({
      value: { awaitsContinue: true },
    })
    expect(readWith(expect100)).toMatchObject({ value: { awaitsContinue: false } })
    expect(readWith('Expect: x 100-continue')).toMatchObject({ error: { status: 417 } })
  })

  it('AV-02 answers 431 to too many fields and to too many bytes', () => {
    const many = Array.from({ length: LIMITS.maxFields }, (_, index) => `X-${index}: y`)
    expect(readWith(...many.slice(1))).toMatchObject({ ok: true })
    expect(readWith(...many)).toMatchObject({ error: { status: 431 } })
    const long = `X: ${'y'.repeat(LIMITS.maxHeaderBytes)}`
    expect(readWith(long)).toMatchObject({ error: { status: 431 } })
  })

  it('says nothing that the client sent', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[g-z]{12}$/), (canary) => {
        for (const line of [
          `${canary}: a\0`,
          `x_${canary}: a`,
          `Connection: ${canary} ${canary}`,
        ]) {
          expect(JSON.stringify(readWith(line))).not.toContain(canary)
        }
        expect(JSON.stringify(read(`GET ${canary} HTTP/1.1`))).not.toContain(canary)
      }),
    )
  })

  it('never throws, and never gives two values for what must be single', () => {
    const line = fc.oneof(
      fc.constantFrom(
        GET,
        OLD,
        'Host: a',
        'host:b',
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
      ),
      fc.constantFrom(
        'Authorization: x',
        'Connection: close, x',
        '',
        ' ',
        'x_y: z',
        'a\rb',
        'a\nb',
      ),
      fc.string({ unit: 'binary-ascii' }),
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const head = read(GET, ...lines)
        if (!head.ok) return
        const names = head.value.fields.map(([name]) => name)
        for (const single of ['host', 'content-length', 'transfer-encoding', 'authorization']) {
          expect(names.filter((name) => name === single).length).toBeLessThanOrEqual(1)
        }
        expect(head.value.fields).toHaveLength(lines.length)
      }),
    )
  })

  it.each([
    ['many fields', (size: number) => 'X: y\r\n'.repeat(size)],
    ['many Connection fields', (size: number) => 'Connection: x,x\r\n'.repeat(size)],
    ['a long name', (size: number) => `${'x'.repeat(size)}: y\r\n`],
    ['a long value', (size: number) => `X: ${'y'.repeat(size)}\r\n`],
    ['a long blank', (size: number) => `X: ${' \t'.repeat(size)}\r\n`],
    ['a name that is no name', (size: number) => `X${'.'.repeat(size)}_: y\r\n`],
  ])('AV-06 does twice the work for twice of %s, not more', (_case, make) => {
    const workFor = (size: number) => {
      const head = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${make(size)}\r\n`)
      const { bytes, reads } = countReads(head)
      readRequestHead(bytes, head.length, { ...LIMITS, maxFields: 1e6, maxHeaderBytes: 1e6 })
      return reads()
    }
    expect(workFor(2000)).toBeLessThanOrEqual(2.1 * workFor(1000))
  })

  it('never throws on noise, wherever its end is said to be', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ max: 300 }), (noise, end) => {
        expect(readRequestHead(Buffer.from(noise), end, LIMITS)).toHaveProperty('ok')
      }),
    )
  })
})
