import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldSegment, globMatches, parseMatchLine, patternMatches } from './path.ts'

function texts(line: string): string[] {
  const parsed = parseMatchLine(line)
  if (!parsed.ok) throw new Error(parsed.error)
  return parsed.value.map(({ methods, text }) => `${methods.join()} ${text}`)
}

describe('a line of a rule', () => {
  it.each([
    ['GET /v1/charges', ['GET /v1/charges']],
    ['GET,POST /', ['GET,POST /']],
    ['WRITE /a', ['POST,PUT,PATCH /a']],
    ['MUTATE /a', ['POST,PUT,PATCH,DELETE /a']],
    ['GET /(a|b)/c', ['GET /a/c', 'GET /b/c']],
    ['GET /(orgs/*|user)/(x|y)', ['GET /orgs/*/x', 'GET /orgs/*/y', 'GET /user/x', 'GET /user/y']],
    ['GET /a.(b|c(d|e))', ['GET /a.b', 'GET /a.cd', 'GET /a.ce']],
  ])('%s is written out', (line, expected) => {
    expect(texts(line).sort()).toEqual([...expected].sort())
  })

  it.each([
    ['GET', 'must be METHODS and a path'],
    ['get /a', 'knows no method "get"'],
    ['GET,TRACE /a', 'knows no method "TRACE"'],
    ['GET a', 'must be METHODS and a path'],
    ['GET /a//b', 'empty segment'],
    ['GET /**/a', 'only at its end'],
    ['GET /a?b=1', 'no canonical path'],
    ['GET /a%2Fb', 'no canonical path'],
    ['GET /a;b', 'no canonical path'],
    ['GET /(a|b', 'without a ")"'],
    ['GET /a)', 'without a "("'],
    ['GET /(a|)/b', 'empty alternative'],
    [`GET /${'(a|b)'.repeat(12)}`, 'too many alternatives'],
  ])('%s is refused', (line, reason) => {
    const parsed = parseMatchLine(line)
    expect(parsed).toMatchObject({ ok: false, error: expect.stringContaining(reason) as string })
  })

  it.each([
    ['/v1/**', '/v1', true],
    ['/v1/**', '/v1/a/b', true],
    ['/v1/**', '/v1/', false],
    ['/v1/**', '/v1/a/', false],
    ['/v1/', '/v1/', true],
    ['/v1', '/v1/', false],
    ['/v1/*', '/v1/', false],
    ['/v1/*', '/v1/a', true],
    ['/v1/*', '/v1/a/b', false],
    ['/v1/admin.*', '/v1/admin.users', true],
    ['/v1/admin.*', '/v1/Admin.users', false],
    ['/v1/*:get', '/v1/a:get', true],
    ['/', '/', true],
    ['/**', '/', true],
  ])('SC-08 %s on %s is %s', (pattern, path, expected) => {
    const parsed = parseMatchLine(`GET ${pattern}`)
    const segments = path === '/' ? [] : path.slice(1).split('/')
    expect(parsed.ok && patternMatches(parsed.value[0]!.segments, segments)).toBe(expected)
  })

  it('never throws on noise', () => {
    const noise = fc.string({ unit: fc.constantFrom(...Array.from('GET /(|)*a,{}%;')) })
    fc.assert(
      fc.property(noise, (line) => {
        expect(typeof parseMatchLine(line).ok).toBe('boolean')
      }),
    )
  })
})

describe('a glob', () => {
  it('fits what the same expression fits', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
    const globs = fc.array(letters, { minLength: 2, maxLength: 4 })
    fc.assert(
      fc.property(globs, letters, (pieces, text) => {
        const source = pieces.map((piece) => piece.replaceAll('.', '\\.')).join('.*')
        expect(globMatches(pieces, text)).toBe(new RegExp(`^${source}$`).test(text))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a folded segment', () => {
  it.each([
    ['refunds', 'refunds'],
    ['Refunds', 'refunds'],
    ['refunds.', 'refunds'],
    ['refunds. .', 'refunds'],
    ['ｒefunds', 'refunds'],
    ['ref\u200dunds', 'refunds'],
    ['ＲＥＦＵＮＤＳ', 'refunds'],
    ['a b', 'a b'],
    ['.hidden', '.hidden'],
    ['', ''],
    ['@me', '@me'],
  ])('SC-05 of %j is %j', (segment, folded) => {
    expect(foldSegment(segment)).toBe(folded)
  })

  it('folds to itself', () => {
    fc.assert(
      fc.property(fc.string(), (segment) => {
        const folded = foldSegment(segment)
        expect(foldSegment(folded)).toBe(folded)
      }),
    )
  })
})
