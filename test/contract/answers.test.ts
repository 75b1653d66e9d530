import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ANSWER_KINDS } from '../../src/policy/answer.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/answers.md'), 'utf8')
const documented = new Set(
  [...page.matchAll(/^### (\d{3}) `(\w+)`$/gm)].map(
    ([, status, code]) => `${status ?? ''} ${code ?? ''}`,
  ),
)
const upstreamCodes = [
  '502 upstream_unreachable',
  '503 upstream_circuit_open',
  '503 upstream_overloaded',
  '504 upstream_timeout',
]

it.each(Object.entries(ANSWER_KINDS))(
  'docs/answers.md gives cause and cure of %s',
  (code, { status }) => {
    expect(documented).toContain(`${status.toString()} ${code}`)
  },
)

it('docs/answers.md documents nothing that is never answered', () => {
  const known = Object.entries(ANSWER_KINDS).map(
    ([code, { status }]) => `${status.toString()} ${code}`,
  )
  expect([...documented].filter((entry) => ![...known, ...upstreamCodes].includes(entry))).toEqual(
    [],
  )
})
