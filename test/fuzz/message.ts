/** Messages that are valid or nearly so, and ways to spoil them. */

import type { Random } from './random.ts'

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'PROPFIND',
  'CONNECT',
  'TRACE',
]
const TARGETS = [
  '/',
  '/v1/charges?limit=1',
  '/a%20b/',
  '*',
  'http://a/b',
  'http://b/',
  'a:443',
  '//a',
]
const HOSTS = ['a', 'a', 'a', 'A:80', '[::1]:1', 'a b', 'a:99999', '']
const FIELDS = [
  ...['Accept: */*', 'User-Agent: x/1 (y; z)', 'X:', 'x-y:\t z \t', 'X-Obs: \xe9\xff', 'A.B|C: d'],
  ...['Content-Length: 5', 'content-length: 0', 'Content-Length: 005', 'Content-Length: 5, 5'],
  ...['Transfer-Encoding: chunked', 'TRANSFER-ENCODING: Chunked', 'Transfer-Encoding: chunked\t'],
  ...[
    'Connection: close',
    'Connection: keep-alive, Upgrade',
    'Connection: x,,y',
    'Upgrade: websocket',
  ],
  ...['Expect: 100-continue', 'Expect: x', 'Host: a', 'Authorization: Bearer x', 'TE: trailers'],
  ...['Content_Length: 5', 'Transfer.Encoding: chunked', 'X : y', ' folded', ': y', 'Trailer: z'],
]
const STATUSES = [
  '200 OK',
  '200',
  '204 No Content',
  '304 x',
  '404 Not \xe9',
  '103 x',
  '600 x',
  '99 x',
]
const BODIES = ['', '', 'hello', 'hello!', 'hell', '\r\n']
const TRAILERS = ['Vary: *', 'Content-Length: 5', 'x', ': y', 'X-Y: \xe9']
const SIZES = [
  '5;a=b',
  ' 5',
  '5 ',
  '0x5',
  '+5',
  '',
  'ffffffffffffffff',
  '00000000000000005',
  '-1',
  '5\t',
]

/** What makes parsers disagree, and what means nothing to any. */
const SPLINTERS = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '_',
    '0',
    '1',
    'f',
    '#',
    '\0',
  ],
  ...[
    '\x0b',
    '\x0c',
    '\x1f',
    '\x7f',
    '\x80',
    '\x85',
    '\xa0',
    '\xff',
    '0\r\n\r\n',
    'HTTP/1.1',
    'GET / ',
  ],
  ...['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: b\r\n', '5\r\nhello\r\n'],
]

/** A request or several, one behind the other. */
export function requestsText(random: Random): string {
  return [requestText(random), ...random.several(2, () => requestText(random))].join('')
}

function requestText(random: Random): string {
  const version = random.isRare(6) ? random.pick(['1.0', '1.0', '2.0', '1.2']) : '1.1'
  const line = `${random.pick(METHODS)} ${random.pick(TARGETS)} HTTP/${version}`
  return messageText([line, `Host: ${random.pick(HOSTS)}`], random)
}

export function answerText(random: Random): string {
  const version = random.isRare(6) ? '1.0' : '1.1'
  return messageText([`HTTP/${version} ${random.pick(STATUSES)}`], random)
}

function messageText(start: readonly string[], random: Random): string {
  const fields = random.several(4, () => random.pick(FIELDS))
  const isChunked = fields.some((field) => /^t.*: chunked$/i.test(field))
  const body = isChunked ? chunksText(random) : random.pick(BODIES)
  return [...start, ...fields, '', body].join('\r\n')
}

export function chunksText(random: Random): string {
  const chunks = random.several(4, () => {
    const data = 'x'.repeat(1 + random.below(40))
    const size = random.isRare(20) ? random.pick(SIZES) : data.length.toString(16)
    return `${size}\r\n${data}\r\n`
  })
  const trailers = random.isRare(4) ? random.several(2, () => `${random.pick(TRAILERS)}\r\n`) : []
  return [...chunks, '0\r\n', ...trailers, '\r\n'].join('')
}

/** Left alone, or spoilt in up to three places. */
export function spoil(text: string, random: Random): string {
  return random.several(3, () => random).reduce(spoilOnce, text)
}

function spoilOnce(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  const length = random.below(1 + (random.isRare(4) ? 30 : 2))
  const [before, cut, after] = [
    text.slice(0, at),
    text.slice(at, at + length),
    text.slice(at + length),
  ]
  switch (random.below(5)) {
    case 0:
      return before + after
    case 1:
      return before + cut + cut + after
    case 2:
      return before + cut.toUpperCase() + after
    case 3:
      return before + String.fromCharCode(random.below(256)) + after
    default:
      return before + random.pick(SPLINTERS) + (random.isRare(2) ? cut : '') + after
  }
}

/** Cuts the text into segments at random. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const segments: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random.below(random.isRare(3) ? 60 : 6)
    segments.push(bytes.subarray(at, end))
    at = end
  }
  return segments
}
