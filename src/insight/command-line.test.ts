import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { commandLine } from './command-line.ts'

it('leaves plain words as they are', () => {
  expect(commandLine('agent', 'disable', 'order-agent')).toBe(
    'apistronghold agent disable order-agent',
  )
  expect(commandLine('token', 'issue', '--bind', 'cidr=10.0.0.0/8')).toBe(
    'apistronghold token issue --bind cidr=10.0.0.0/8',
  )
})

it.each([
  ['a; rm -rf ~', "'a; rm -rf ~'"],
  ["it's", "'it'\\''s'"],
  ['$(id)', "'$(id)'"],
  ['a\nb\u001b[2J\u202e', "'a?b?[2J?'"],
  ['--Weird', "'--Weird'"],
  ['', "''"],
])('AU-04 quotes %j, so that it cannot become another command', (word, quoted) => {
  expect(commandLine('agent', 'disable', word)).toBe(`apistronghold agent disable ${quoted}`)
})

it('gives a shell every printable word back as it was', () => {
  const words = fc.array(fc.string({ unit: 'grapheme-ascii' }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(words, (list) => {
      const line = commandLine(...list).replace('apistronghold', 'printf "%s\\0"')
      const output = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' })
      expect(output.split('\0').slice(0, -1)).toEqual(list)
    }),
    { numRuns: 25 },
  )
})
