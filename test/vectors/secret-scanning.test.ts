import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { mintToken } from '../../src/token/token.ts'

const FOLDER = join(import.meta.dirname, '../../deploy/secret-scanning')
const patternsIn = (file: string, quoted: RegExp) =>
  [...readFileSync(join(FOLDER, file), 'utf8').matchAll(quoted)].map(
    (found) => new RegExp(found[1] ?? ''),
  )

const scanners = {
  gitleaks: patternsIn('gitleaks.toml', /regex = '''(.+)'''/g),
  trufflehog: patternsIn('trufflehog.yaml', /token: '(.+)'/g),
}

it.each(Object.entries(scanners))(
  '%s finds every kind of token in a log line',
  (_name, patterns) => {
    for (const kind of ['pt', 'mt', 'ok'] as const)
      for (const mode of ['live', 'test'] as const) {
        const line = `key="${mintToken(kind, mode)}" other`
        expect(patterns.filter((pattern) => pattern.test(line))).toHaveLength(1)
      }
  },
)

it.each(Object.entries(scanners))('%s leaves ids and short text alone', (_name, patterns) => {
  for (const text of ['tok_0123456789abcdefghij', 'pt_live_...', 'opt_live_0123'])
    expect(patterns.some((pattern) => pattern.test(text))).toBe(false)
})
