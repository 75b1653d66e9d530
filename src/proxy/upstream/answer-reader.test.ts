import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'

const LIMITS = { maxHeaderBytes: 4096, maxFields: 32 }

interface Reading {
  readonly told: string
  readonly body: string
}

/** What the reader tells of these segments; the pieces of a body are joined. */
function read(segments: readonly Buffer[], isEnded = false, upgrade?: string): Reading {
  const told: string[] = []
  let body = ''
  const sink: AnswerSink = {
    answerHead: ({ status, headers }) => told.push(`head ${status} ${headers.join(' ')}`),
    answerChunk: (data) => void (body += data.toString('latin1')),
    answerEnd: () => told.push('end'),
    answerSwitch: () => told.push('switch'),
    answerProblem: () => told.push('problem'),
  }
  const reader = new AnswerReader(LIMITS, sink)
  reader.begin('GET', upgrade)
  // Chunked data is moved together in the buffer that it came in.
  for (const segment of segments) reader.push(Buffer.from(segment))
  if (isEnded) told.push(reader.end() ? 'whole' : 'cut')
  return { told: told.join(', '), body }
}

/** The same bytes in pieces that end at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length]
  ends.sort((one, other) => one - other)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`

const data = fc.string({ unit: 'binary-ascii', maxLength: 40 })
const interim = fc.constantFrom(
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 A\r\nX: y\r\n\r\n',
)

/** Sound answers with their bodies. */
const sound = fc
  .record({
    interim,
    parts: fc.array(data.filter(({ length }) => length > 0)),
    isChunked: fc.boolean(),
  })
  .map(({ interim: before, parts, isChunked }) => {
    const body = parts.join('')
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
    const payload = isChunked ? `${parts.map(chunk).join('')}0\r\n\r\n` : body
    return { text: `${before}HTTP/1.1 200 OK\r\nX: y\r\n${framing}\r\n\r\n${payload}`, body }
  })

const places = fc.array(fc.nat(), { maxLength: 30 })

describe('HF-13 an answer', () => {
  it('is read the same however it was cut', () => {
    fc.assert(
      fc.property(sound, places, ({ text, body }, at) => {
        expect(read(cut(text, at))).toEqual({ told: 'head 200 X y, end', body })
      }),
    )
  })

  it('that was changed somewhere ends the same however it was cut', () => {
    const change = fc.record({
      at: fc.nat(),
      removed: fc.nat(3),
      added: fc.string({
        unit: fc.constantFrom('\r', '\n', '0', 'a', ':', ' ', ';', '\0'),
        maxLength: 3,
      }),
    })
    fc.assert(
      fc.property(sound, change, places, ({ text }, { at, removed, added }, cuts) => {
        const start = at % text.length
        const changed = text.slice(0, start) + added + text.slice(start + removed)
        const whole = read([Buffer.from(changed, 'latin1')], true)
        const pieces = read(cut(changed, cuts), true)
        expect(pieces.told).toBe(whole.told)
        // Of a body that breaks, more or less may have passed before.
        if (!whole.told.includes('problem')) expect(pieces.body).toBe(whole.body)
      }),
      { numRuns: 500 },
    )
  })

  it('that is noise never makes it throw, and ends at most once', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (noise) => {
        const { told } = read(
          noise.map((bytes) => Buffer.from(bytes)),
          true,
        )
        expect(told.match(/end|problem/g)?.length ?? 0).toBeLessThan(2)
      }),
    )
  })

  it('of 64 kB that comes byte by byte is not copied for each of them', () => {
    const reader = new AnswerReader(
      { maxHeaderBytes: 1 << 20, maxFields: 9 },
      {
        answerHead: () => undefined,
        answerChunk: () => undefined,
        answerEnd: () => undefined,
        answerSwitch: () => undefined,
        answerProblem: () => undefined,
      },
    )
    reader.begin('GET', undefined)
    const before = process.cpuUsage()
    reader.push(Buffer.from('HTTP/1.1 200 OK\r\nX: '))
    for (let count = 0; count < 64 * 1024; count++) reader.push(Buffer.from('a'))
    const { user } = process.cpuUsage(before)
    expect(user / 1000).toBeLessThan(2_000)
  })
})

describe('HF-12 an upgrade', () => {
  it.each([
    ['agreed to', 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket', 'switch'],
    ['to another protocol', 'Connection: Upgrade\r\nUpgrade: h2c', 'problem'],
    ['to no protocol', 'Connection: Upgrade', 'problem'],
    ['to two', 'Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c', 'problem'],
    ['that Connection does not name', 'Upgrade: websocket', 'problem'],
    ['with a body', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1', 'problem'],
  ])('%s is taken for what it is', (_case, fields, told) => {
    const text = `HTTP/1.1 101 Switching\r\n${fields}\r\n\r\n`
    expect(read([Buffer.from(text)], false, 'websocket').told).toBe(told)
  })
})
