import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startChild } from '../../test/support/child.ts'
import { canFillDisk, fillDisk, freeDisk } from '../../test/support/full-disk.ts'
import { skipUnless } from '../../test/support/skip.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { createLogOutput } from './log-output.ts'

const wordLoss = (lines: number) => `lost ${lines}\n`
let directory: TemporaryDirectory
let path: string

beforeEach(() => {
  directory = createTemporaryDirectory()
  path = join(directory.path, 'log')
})

afterEach(() => {
  directory.remove()
})

it('writes line after line', () => {
  const fd = openSync(path, 'a')
  const output = createLogOutput({ fd, wordLoss })
  output.write('one\n')
  output.write('two\n')
  closeSync(fd)
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
})

it.each([
  ['is open for reading only', () => openSync('/dev/null', 'r')],
  ['is not there', () => 999_999],
])('does not throw where the descriptor %s', (_case, open) => {
  const output = createLogOutput({ fd: open(), wordLoss })
  expect(() => {
    for (let line = 0; line < 3; line++) output.write('one\n')
  }).not.toThrow()
})

it.skipIf(skipUnless(canFillDisk(), 'no prlimit here, so no full disk'))(
  'loses what a full disk has no room for, and says how much when there is room again',
  async () => {
    const child = startChild('log-writer.ts', path)
    const write = async (line: string) => {
      const count = child.lines().length
      child.process.stdin?.write(`${line}\n`)
      await child.waitForLines(count + 1)
    }
    try {
      await write('before')
      fillDisk(child.process.pid ?? 0)
      for (const line of ['a', 'b', 'c']) await write(line)
      freeDisk(child.process.pid ?? 0)
      await write('after')
      await write('last')
    } finally {
      await child.kill()
    }
    expect(readFileSync(path, 'utf8')).toBe('before\nlost 3\nafter\nlast\n')
  },
)

describe('a pipe that nobody reads', () => {
  it('does not hold up the writer, and no line is torn', () => {
    execFileSync('mkfifo', [path])
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(path, 'w')
    const output = createLogOutput({ fd: writer, wordLoss })
    const line = `${'x'.repeat(9000)}\n`
    for (let times = 0; times < 40; times++) output.write(line)
    let text = readAll(reader)
    output.write('after\n')
    text += readAll(reader)
    closeSync(reader)
    closeSync(writer)
    const lines = text.trimEnd().split('\n')
    const whole = lines.filter((read) => `${read}\n` === line).length
    expect(lines.slice(-2)).toEqual([`lost ${40 - whole}`, 'after'])
    expect(lines).toHaveLength(whole + 2)
  })
})

/** As much as there is. */
function readAll(fd: number): string {
  const buffer = Buffer.alloc(1024 * 1024)
  let length = 0
  try {
    for (let read = -1; read !== 0; length += read)
      read = readSync(fd, buffer, length, buffer.length - length, null)
  } catch {
    // nothing more for now
  }
  return buffer.toString('utf8', 0, length)
}
