import { describe, expect, it } from 'vitest'
import { editSettings } from './edit.ts'

const FILE = `# ours
version: 1
default_env: production # the only one
environments:
  production:
    # where agents come
    data: {listen: 127.0.0.1:8900}
    services:
      stripe: {credential: vault:stripe} # the shop's
    env_sources: [A]
    audit:
`
const at = (...path: string[]) => ['environments', 'production', ...path]

describe('an edit', () => {
  it('keeps comments, order and style', () => {
    const text = editSettings(FILE, [
      { path: at('services', 'stripe', 'origin'), set: 'https://localhost:9443' },
      { path: at('services', 'openai', 'credential'), set: 'env:B' },
      { path: at('env_sources'), include: 'B' },
    ])
    expect(text).toBe(`# ours
version: 1
default_env: production # the only one
environments:
  production:
    # where agents come
    data: {listen: 127.0.0.1:8900}
    services:
      stripe: {credential: vault:stripe, origin: https://localhost:9443} # the shop's
      openai:
        credential: env:B
    env_sources: [A, B]
    audit:
`)
  })

  it.each([
    ['what is set already', { path: at('data', 'listen'), set: '127.0.0.1:8900' }],
    ['what stands there', { path: at('data', 'listen'), preset: '127.0.0.1:1' }],
    ['what is listed', { path: at('env_sources'), include: 'A' }],
    ['the same list', { path: at('env_sources'), set: ['A'] }],
    ['what is not there', { path: at('services', 'slack', 'origin'), remove: true as const }],
  ])('leaves the text alone, to the byte, for %s', (_case, edit) => {
    const odd = FILE.replace('[A]', '[ A ]')
    expect(editSettings(odd, [edit])).toBe(odd)
  })

  it('removes a setting, and fills a section that is empty', () => {
    const text = editSettings(FILE, [
      { path: at('services', 'stripe', 'credential'), remove: true },
      { path: at('audit', 'quota'), set: '1GiB' },
    ])
    expect(text).toContain("stripe: {} # the shop's")
    expect(text).toContain('audit:\n      quota: 1GiB')
  })

  it('begins a file that says what it is for', () => {
    const text = editSettings('', [{ path: ['default_env'], preset: 'production' }])
    expect(text).toMatch(
      /^# apistronghold: .*\n# No secrets stand here.*\nversion: 1\ndefault_env: production\n$/,
    )
  })

  it('leaves a text with mistakes to whoever reads it next', () => {
    const torn = 'version: 1\n  data: [\n'
    expect(editSettings(torn, [{ path: ['version'], set: 2 }])).toBe(torn)
  })
})
