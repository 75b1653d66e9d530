import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { silentLog } from '../base/log.ts'
import { cutLogFile } from './log-file.ts'

const LARGE = 'a line\n'.repeat(1_500_000)
let directory: TemporaryDirectory
let paths: { readonly path: string; readonly formerPath: string }
let fd: number

beforeEach(() => {
  directory = createTemporaryDirectory()
  const path = join(directory.path, 'serve.log')
  paths = { path, formerPath: `${path}.1` }
  writeFileSync(path, LARGE, { mode: 0o600 })
  fd = openSync(path, 'a')
})

afterEach(() => {
  closeSync(fd)
  directory.remove()
})

const cut = (formerPath = paths.formerPath) => {
  cutLogFile({ fd, ...paths, formerPath, log: silentLog })
}

it('moves the lines of a large log aside and goes on in the same file', () => {
  cut()
  writeSync(fd, 'next\n')
  expect(readFileSync(paths.path, 'utf8')).toBe('next\n')
  expect(readFileSync(paths.formerPath, 'utf8')).toBe(LARGE)
  expect(statSync(paths.formerPath).mode & 0o777).toBe(0o600)
})

it('leaves a small one alone', () => {
  cut()
  writeSync(fd, 'next\n')
  cut()
  expect(readFileSync(paths.path, 'utf8')).toBe('next\n')
  expect(readFileSync(paths.formerPath, 'utf8')).toBe(LARGE)
})

it('cuts it even where there is no place for its lines', () => {
  cut(join(directory.path, 'nowhere', 'serve.log.1'))
  expect(statSync(paths.path).size).toBe(0)
})

it("leaves a file alone that is not the background service's", () => {
  const path = directory.write('other.log', '')
  cutLogFile({ fd, ...paths, path, log: silentLog })
  expect(statSync(paths.path).size).toBe(LARGE.length)
  expect(existsSync(paths.formerPath)).toBe(false)
})
