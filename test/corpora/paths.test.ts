import { describe, expect, it } from 'vitest'
import type { Catalog, Target } from '../../src/catalog/catalog.ts'
import { compileCatalog } from '../../src/catalog/compile.ts'
import { parseTarget } from '../../src/catalog/target.ts'
import { readCorpus } from '../support/corpora.ts'

/** Paths that other proxies got wrong: what is let through is what came in, and means one thing. */

interface PathCase {
  readonly name: string
  readonly method: string
  readonly raw: string
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly expect: string
}

function readCases(corpus: string): PathCase[] {
  return (readCorpus(corpus) ?? []).map((row) => ({
    name: String(row.name),
    method: String(row.method),
    raw: String(row.path_latin1),
    allow: row.allow as string[],
    deny: row.deny as string[],
    expect: String(row.expect),
  }))
}

const HOST = 'api.example.com'
const catalogs = new Map<string, Catalog>()

/** A service with the rules of a case; `*` stands for every method there. */
function catalogFor({ allow, deny }: PathCase): Catalog {
  const lines = (scope: string, rules: readonly string[]) =>
    rules.length === 0
      ? ''
      : `  - {scope: ${scope}, match: ${JSON.stringify(rules.map((rule) => rule.replace(/^\* /, 'ANY ')))}}\n`
  const rules = lines('read', allow) + lines('deny', deny)
  const text = `schema: 1
id: example
name: Example
category: other
hosts: [{host: ${HOST}, role: api}]
auth: {accept: [{in: header, name: authorization, scheme: bearer}], inject: [], credential: {type: api_key}}
scopes: {read: {risk: read, title: Read}}
rules:
${rules}`
  const known = catalogs.get(rules)
  if (known) return known
  const compiled = compileCatalog([{ path: 'example.yaml', text }], new Map())
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error))
  catalogs.set(rules, compiled.value)
  return compiled.value
}

/** The target that would be forwarded; undefined when it is refused. */
function admit(test: PathCase): Target | undefined {
  const catalog = catalogFor(test)
  const service = catalog.services.get('example')
  const target = parseTarget(test.raw, { allowEncodedSlash: false })
  if (!service || !target.ok) return undefined
  const { value } = target
  const found = catalog.match(service, { method: test.method, host: HOST, target: value })
  return found.ok ? found.value.target : undefined
}

const rawOf = ({ path, query }: Target): string => (query === undefined ? path : `${path}?${query}`)

const cases = [...readCases('http/path-normalisation'), ...readCases('http/path-traversal-bulk')]

/** The corpora name the attack in `why` and in the path; the threats group them like this. */
const THREATS: readonly (readonly [id: string, fits: (test: PathCase) => boolean])[] = [
  ['SC-01 dot segments', ({ raw }) => /(^|[/\\])(\.|%2e){1,2}([/\\?#]|$)/i.test(raw)],
  ['SC-02 encoded separators', ({ raw }) => /%2f|%5c|\\/i.test(raw)],
  ['SC-03 empty segments', ({ raw }) => (raw.split('?')[0] ?? '').includes('//')],
  ['SC-04 path parameters', ({ raw }) => /;|%3b/i.test(raw)],
  ['SC-05 hidden characters', ({ raw }) => /%00|%c0|%ef|%[89a-f]|%7f|[^!-~]/i.test(raw)],
  ['SC-06 other forms', ({ raw }) => !raw.startsWith('/') || raw.includes('#')],
  ['SC-09 methods', ({ method }) => !['GET', 'POST', 'PUT', 'DELETE'].includes(method)],
]

describe.skipIf(cases.length === 0)('the path corpora', () => {
  const refused = cases.filter((test) => test.expect === 'must-deny')

  it.each(THREATS)('%s are refused', (_, fits) => {
    const attacks = refused.filter(fits)
    expect(attacks.length).toBeGreaterThan(0)
    expect(attacks.filter((test) => admit(test) !== undefined)).toEqual([])
  })

  it('lets nothing through that must be refused', () => {
    expect(refused.length).toBeGreaterThan(500)
    expect(refused.filter((test) => admit(test) !== undefined)).toEqual([])
  })

  it('refuses nothing that must be let through', () => {
    const allowed = cases.filter((test) => test.expect === 'must-allow')
    expect(allowed.length).toBeGreaterThan(10)
    expect(allowed.filter((test) => admit(test) === undefined)).toEqual([])
  })

  it('SC-07 forwards what was judged, byte for byte', () => {
    for (const test of cases) {
      const target = admit(test)
      if (target) expect(rawOf(target)).toBe(test.raw)
    }
  })

  it('SC-08 never takes a neighbour for what is below', () => {
    const below = { method: 'GET', allow: ['GET /v1/charges/**'], deny: [], expect: '', name: '' }
    for (const raw of ['/v1/charges-evil', '/v1/chargesx/y', '/v1/charge', '/v1x/charges'])
      expect(admit({ ...below, raw })).toBeUndefined()
    for (const raw of ['/v1/charges', '/v1/charges/a', '/v1/charges/a/b'])
      expect(admit({ ...below, raw })).toBeDefined()
    const one = { ...below, allow: ['GET /v1/*', 'GET /v1/*:batchGet'] }
    for (const raw of ['/v1/a/b', '/v1/a%2Fb', '/v1/a/b:batchGet', '/v1/', '/v1'])
      expect(admit({ ...one, raw })).toBeUndefined()
  })
})

const urls = readCorpus('http/wpt-urls') ?? []

/** A case's input as a client could put it on the wire: UTF-8, seen as one character per byte. */
function targetsOf(row: Readonly<Record<string, unknown>>): string[] {
  const input = Buffer.from(String(row.input)).toString('latin1')
  const behindHost = input.replace(/^[a-z+.-]+:\/\/[^/?#\\]*/i, '')
  const { pathname, search } = row as { pathname: string | null; search: string | null }
  return [input, behindHost, `${pathname ?? ''}${search ?? ''}`]
}

describe.skipIf(urls.length === 0)('the URL corpus', () => {
  it('SC-07 accepts only what a URL parser reads the same way, and changes nothing', () => {
    let accepted = 0
    for (const raw of urls.flatMap(targetsOf)) {
      const target = parseTarget(raw, { allowEncodedSlash: false })
      if (!target.ok) continue
      accepted += 1
      expect(rawOf(target.value)).toBe(raw)
      const url = new URL(`http://example.com${raw}`)
      expect(url.host).toBe('example.com')
      expect(url.pathname).toBe(target.value.path)
    }
    expect(accepted).toBeGreaterThan(200)
  })
})
