import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { output, type OutputOptions } from './report-output.ts'
import { aTerminal } from './terminal.testing.ts'

let directory: TemporaryDirectory
beforeEach(() => (directory = createTemporaryDirectory()))
afterEach(() => {
  directory.remove()
})

const renderings = { text: () => 'as text', html: () => '<html>' }

function write(options: OutputOptions, json = false, isPrintingToPerson = false) {
  const terminal = aTerminal({ workingDirectory: directory.path, isPrintingToPerson })
  output({ terminal, shared: { json } }, options, { report: { a: 1 }, renderings })
  return terminal
}

const contentOf = (name: string) => readFileSync(join(directory.path, name), 'utf8')
const modeOf = (name: string) => statSync(join(directory.path, name)).mode & 0o777

it.each([
  [{}, false, 'as text'],
  [{}, true, '{\n  "a": 1\n}'],
  [{ format: 'html' }, false, '<html>'],
  [{ format: 'text' }, true, 'as text'],
] as const)('prints %j as its format says', (options, json, printed) => {
  expect(write(options, json).printed).toEqual([printed])
})

it('writes a file for its owner alone, and makes one private that was not', () => {
  expect(write({ output: 'r.txt' })).toMatchObject({ printed: [], noted: ['written to r.txt'] })
  expect([contentOf('r.txt'), modeOf('r.txt')]).toEqual(['as text\n', 0o600])
  writeFileSync(join(directory.path, 'open.html'), 'much longer than before', { mode: 0o644 })
  write({ output: 'open.html', format: 'html' })
  expect([contentOf('open.html'), modeOf('open.html')]).toEqual(['<html>\n', 0o600])
})

it('follows no link, and says why where it cannot write', () => {
  symlinkSync('elsewhere', join(directory.path, 'link'))
  mkdirSync(join(directory.path, 'folder'))
  expect(() => write({ output: 'link' })).toThrow(/ELOOP/)
  expect(() => write({ output: 'folder' })).toThrow(/EISDIR/)
  expect(() => write({ output: 'no/such/folder' })).toThrow(/ENOENT/)
})

it('does not print HTML to a person', () => {
  expect(() => write({ format: 'html' }, false, true)).toThrow(/-o report.html/)
})
