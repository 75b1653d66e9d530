import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { needlesFor } from '../../scrub/needles.ts'
import { Secret } from '../../secret/secret.ts'
import { ScrubbedFrames } from './scrubbed-frames.ts'

const KEY = 'sk-proj-0123456789abcdefgh'
const NEEDLES = needlesFor([new Secret(KEY)])
const STARS = '*'.repeat(KEY.length)

function frame(first: number, payload: string): Buffer {
  const bytes = Buffer.from(payload, 'latin1')
  const { length } = bytes
  const head =
    length < 126
      ? [first, length]
      : length < 65_536
        ? [first, 126, length >> 8, length & 0xff]
        : [first, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from(head), bytes])
}

/** What a client makes of frames: its messages, and control frames as they come. */
function readFrames(bytes: Buffer): string[] {
  const heard: string[] = []
  let message = ''
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0
    const opcode = first & 0x0f
    const { start, end } = payloadOf(bytes, at)
    const payload = bytes.toString('latin1', start, end)
    at = end
    if (opcode >= 8) heard.push(`control ${payload}`)
    else message = opcode > 0 ? `${opcode} ${payload}` : message + payload
    if (opcode < 8 && first >= 0x80) heard.push(message)
  }
  return heard
}

function payloadOf(bytes: Buffer, at: number) {
  const short = bytes[at + 1] ?? 0
  if (short < 126) return { start: at + 2, end: at + 2 + short }
  if (short === 126) return { start: at + 4, end: at + 4 + bytes.readUInt16BE(at + 2) }
  return { start: at + 10, end: at + 10 + bytes.readUIntBE(at + 4, 6) }
}

function pass(chunks: readonly Buffer[]) {
  const out: Buffer[] = []
  let problems = 0
  const frames = new ScrubbedFrames({
    needles: NEEDLES,
    write: (bytes) => out.push(Buffer.from(bytes)) > 0,
    onProblem: () => void (problems += 1),
  })
  for (const chunk of chunks) frames.take(chunk)
  return { heard: readFrames(Buffer.concat(out)), problems, hits: frames.hits }
}

const bytewise = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))

describe('CE-02 frames from an upstream', () => {
  it.each<[string, Buffer, string[]]>([
    ['in one frame', frame(0x81, `a ${KEY} b`), [`1 a ${STARS} b`]],
    [
      'over two frames of a message',
      Buffer.concat([frame(0x01, `a ${KEY.slice(0, 9)}`), frame(0x80, `${KEY.slice(9)} b`)]),
      [`1 a ${STARS} b`],
    ],
    [
      'over a frame for each byte, a ping between them',
      Buffer.concat([
        frame(0x02, ''),
        ...Array.from(KEY, (one) => Buffer.concat([frame(0x00, one), frame(0x89, 'p')])),
        frame(0x80, ''),
      ]),
      [...Array.from(KEY, () => 'control p'), `2 ${STARS}`],
    ],
    ['in the reason of a close', frame(0x88, `\x03\xe8${KEY}`), [`control \x03\xe8${STARS}`]],
    [
      'where a long frame is parted',
      frame(0x82, `${'x'.repeat(65_530)}${KEY}${'y'.repeat(70_000)}`),
      [`2 ${'x'.repeat(65_530)}${STARS}${'y'.repeat(70_000)}`],
    ],
  ])('do not show the credential %s', (_case, bytes, expected) => {
    expect(pass([bytes]).heard).toEqual(expected)
    if (bytes.length < 1000) expect(pass(bytewise(bytes)).heard).toEqual(expected)
    expect(pass([bytes]).hits).toBe(1)
  })

  it.each([
    ['are masked', Buffer.from([0x81, 0x80, 0, 0, 0, 0])],
    ['are compressed', Buffer.from([0xc1, 0x00])],
    ['are of an unknown kind', Buffer.from([0x83, 0x00])],
    ['continue nothing', Buffer.from([0x80, 0x00])],
    ['begin a message inside of another', Buffer.from([0x01, 0x00, 0x81, 0x00])],
    ['are control frames in parts', Buffer.from([0x09, 0x00])],
    ['are control frames that are too long', frame(0x89, 'x'.repeat(126))],
  ])('end the connection when they %s', (_case, bytes) => {
    expect(pass([bytes]).problems).toBe(1)
  })

  it('come out as the messages that they are, however they were cut', () => {
    const text = fc.array(
      fc.constantFrom('a', ' ', KEY, KEY.slice(0, 5), KEY.slice(5), 'x'.repeat(200)),
      { maxLength: 5 },
    )
    const message = fc.record({ parts: fc.array(text, { minLength: 1, maxLength: 4 }) })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.array(fc.nat(4000)), (messages, cuts) => {
        const frames = messages.flatMap(({ parts }) =>
          parts.map((part, at) => {
            const final = at === parts.length - 1 ? 0x80 : 0
            return frame(final | (at === 0 ? 1 : 0), part.join(''))
          }),
        )
        const whole = Buffer.concat(frames)
        const ends = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length]
        ends.sort((one, other) => one - other)
        const chunks = ends.map((end, at) => whole.subarray(ends[at - 1] ?? 0, end))
        const expected = messages.map(
          ({ parts }) => `1 ${parts.flat().join('').replaceAll(KEY, STARS)}`,
        )
        expect(pass(chunks)).toMatchObject({ heard: expected, problems: 0 })
      }),
    )
  })
})
