import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret/secret.ts'
import { parseTemplate } from './template.ts'

const FIELDS = new Map([
  ['secret', new Secret('s3')],
  ['username', new Secret('ü')],
])

function filled(format: string, fields = FIELDS): unknown {
  const parsed = parseTemplate(format)
  if (!parsed.ok) return parsed.error.problem
  const result = parsed.value.fill(fields)
  return result.ok ? result.value : result.error
}

describe('a format', () => {
  it.each([
    ['{secret}', 's3'],
    ['Bearer {secret}', 'Bearer s3'],
    ['Token token={secret}', 'Token token=s3'],
    ['{username}-{secret}', 'ü-s3'],
    ['{base64:{secret}}', 'czM='],
    ['Basic {base64:x-access-token:{secret}}', 'Basic eC1hY2Nlc3MtdG9rZW46czM='],
    ['Basic {base64:{username}:{secret}}', 'Basic w7w6czM='],
    ['{base64:a{base64:{secret}}b}', 'YWN6TT1i'],
  ])('%s becomes %s', (format, value) => {
    expect(filled(format)).toBe(value)
  })

  it('names the fields that it needs', () => {
    const parsed = parseTemplate('{base64:{username}:{secret}}{secret}')
    expect(parsed.ok && [...parsed.value.fields]).toEqual(['username', 'secret'])
  })

  it('says which field the credential lacks', () => {
    expect(filled('Bearer {access_token}')).toEqual({ missing: 'access_token' })
    expect(filled('{base64:{organization}}')).toEqual({ missing: 'organization' })
    expect(filled('{constructor}')).toEqual({ missing: 'constructor' })
  })

  it.each([
    'Bearer {secret',
    'Bearer secret}',
    '{}',
    '{Secret}',
    '{ secret }',
    '{base64:{secret}',
    '{base64:{secret}}}',
    '{hex:{secret}}',
    `${'{base64:'.repeat(5)}{secret}${'}'.repeat(5)}`,
  ])('%s is refused', (format) => {
    expect(filled(format)).toBe('a format is text with {field} and {base64:...} in it')
  })

  it.each(['', 'Bearer', '{base64:text}'])('%j is refused: it holds no credential', (format) => {
    expect(filled(format)).toBe('a format needs at least one {field}')
  })

  it('never throws on noise, and puts a value in unchanged', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (format) => void filled(format)))
    fc.assert(
      fc.property(fc.string(), (value) => {
        const fields = new Map([['secret', new Secret(value)]])
        expect(filled('[{secret}]', fields)).toBe(`[${value}]`)
        expect(filled('{base64:{secret}}', fields)).toBe(Buffer.from(value).toString('base64'))
      }),
    )
  })
})
