import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isAgentName } from './agent-name.ts'

it.each(['a', 'order-processing-agent', 'Team.worker_7', '0', 'x'.repeat(64)])(
  'takes %j for a name',
  (text) => {
    expect(isAgentName(text)).toBe(true)
  },
)

it.each([
  '',
  'x'.repeat(65),
  '-worker',
  '.hidden',
  '_x',
  'a b',
  'a/b',
  'a\n',
  '<img onerror>',
  '__proto__',
  'ägent',
  '=cmd()',
  '\u001b[2J',
])('AD-03 takes %j for none', (text) => {
  expect(isAgentName(text)).toBe(false)
})

it('never lets a character through that needs escaping anywhere', () => {
  fc.assert(fc.property(fc.string(), (text) => !isAgentName(text) || encodeURI(text) === text))
})
