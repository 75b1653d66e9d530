import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { segmentPath } from '../journal/segment.ts'
import { LineReader } from './line-reader.ts'
import { SegmentTail } from './segment-tail.ts'

/** What the journal prepares behind its records. */
const ROOM_BYTES = 1024 * 1024

let folder: TemporaryDirectory
let directory: string
let path: string
let reader: LineReader

beforeEach(() => {
  folder = createTemporaryDirectory()
  directory = join(folder.path, 'local')
  path = segmentPath(directory, 1)
  mkdirSync(dirname(path))
  writeFileSync(path, Buffer.alloc(ROOM_BYTES))
  reader = new LineReader(folder.path)
})

afterEach(() => {
  reader.close()
  folder.remove()
})

const lineOf = (seq: number, padding = '') =>
  `{"seq":${seq},"time":"2026-03-10T10:00:00.000Z","kind":"intent","requestId":"req_${seq}","x":"${padding}"}`

/** Over the room, as the journal writes. */
function write(text: string, offset: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, text, offset)
  closeSync(file)
}

const read = (offset: number, length: number) =>
  reader.read({ writer: 'local', first: 1, offset, length })?.toString()

it('reads a line where a moment ago there was only room for it', () => {
  const [first, second] = [lineOf(1), lineOf(2, 'longer')]
  write(`${first}\n`, 0)
  expect(read(0, first.length)).toBe(first)
  expect(read(first.length + 1, second.length)).toBeUndefined()
  write(`${second}\n`, first.length + 1)
  expect(read(first.length + 1, second.length)).toBe(second)
})

it('reads a line of which half was there when its neighbour was read', () => {
  const [first, second] = [lineOf(1), lineOf(2)]
  write(`${first}\n${second.slice(0, 40)}`, 0)
  expect(read(0, first.length)).toBe(first)
  write(second.slice(40), first.length + 1 + 40)
  expect(read(first.length + 1, second.length)).toBe(second)
})

it('finds every line, in whatever order they are written and asked for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(5000), fc.array(fc.nat(30), { maxLength: 4 })), { maxLength: 30 }),
      (steps) => {
        writeFileSync(path, Buffer.alloc(ROOM_BYTES))
        reader.close()
        const written: { offset: number; line: string }[] = []
        let end = 0
        for (const [length, asked] of steps) {
          const line = lineOf(written.length + 1, 'x'.repeat(length))
          write(`${line}\n`, end)
          written.push({ offset: end, line })
          end += line.length + 1
          for (const which of asked) {
            const { offset, line: wanted } = written[which % written.length]!
            expect(read(offset, wanted.length)).toBe(wanted)
          }
        }
      },
    ),
    { numRuns: 50 },
  )
})

it('follows a segment whose room is filled line by line, and piece by piece', () => {
  const tail = new SegmentTail(directory, { first: 0, offset: 0 })
  const lines = [lineOf(1), lineOf(2, 'x'.repeat(300)), lineOf(3)]
  const bytes = lines.map((line) => `${line}\n`).join('')
  const seen: string[] = []
  for (let offset = 0; offset < bytes.length; offset += 50) {
    write(bytes.slice(offset, offset + 50), offset)
    for (let next = tail.peek(); next; next = tail.peek()) {
      seen.push(next.bytes.toString())
      tail.take()
    }
  }
  tail.close()
  expect(seen).toEqual(lines)
})
