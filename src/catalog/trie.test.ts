import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldSegment, parseMatchLine, patternMatches, type PathSegment } from './path.ts'
import { PathTrie, type Leaf, type PathQuery } from './trie.ts'

/** A path that every host serves. */
function queryFor(path: string): PathQuery {
  const segments = path === '/' ? [] : path.slice(1).split('/')
  return { segments, folded: segments.map(foldSegment), host: 'a', takesGeneralRules: true }
}

function leafFor(line: string): Leaf<string> {
  const parsed = parseMatchLine(line)
  const [pattern] = parsed.ok ? parsed.value : []
  if (!pattern) throw new Error(line)
  const { segments, text, methods } = pattern
  return { value: line, segments, text, hosts: undefined, breadth: methods.length }
}

/** CATALOGUE 3.3 word by word: literal, glob with more letters, `*`, pattern ended, `**`. */
function weight(segment: PathSegment | undefined): number {
  switch (segment?.kind) {
    case 'literal':
      return 1000
    case 'glob':
      return 100 + segment.pieces.join('').length
    case 'any':
      return 50
    case undefined:
      return 10
    case 'rest':
      return 0
  }
}

function isMoreSpecific(left: readonly PathSegment[], right: readonly PathSegment[]): boolean {
  for (let index = 0; index < 8; index += 1) {
    const difference = weight(left[index]) - weight(right[index])
    if (difference !== 0) return difference > 0
  }
  return false
}

const segment = fc.constantFrom('a', 'b', 'c', '*', 'a*', 'ab', 'abc*')
const pathOf = (parts: readonly string[]) => `/${parts.join('/')}`
const patterns = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([parts, isOpen]) => pathOf(isOpen ? [...parts, '**'] : parts))
const paths = fc
  .array(fc.constantFrom('a', 'b', 'c', 'ab', 'abc', 'abcd', 'x'), { minLength: 1, maxLength: 5 })
  .map(pathOf)

describe('the trie of patterns', () => {
  it('finds the most specific pattern, as a comparison of all of them does', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(patterns, { minLength: 1, maxLength: 15 }),
        paths,
        (rules, path) => {
          const trie = new PathTrie<string>()
          const leaves = rules.map((rule) => leafFor(`GET ${rule}`))
          for (const leaf of leaves) trie.add('GET', leaf)
          const query = queryFor(path)
          const fitting = leaves.filter((leaf) => patternMatches(leaf.segments, query.segments))
          const best = fitting.find((leaf) =>
            fitting.every(
              (other) => other === leaf || isMoreSpecific(leaf.segments, other.segments),
            ),
          )
          expect(trie.find('GET', query)?.text).toBe(best?.text)
          const collected = trie.collect('GET', query).map(({ text }) => text)
          expect(collected.sort()).toEqual(fitting.map(({ text }) => text).sort())
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('prefers a rule for named hosts, then the one with fewer methods', () => {
    const trie = new PathTrie<string>()
    trie.add('GET', { ...leafFor('ANY /a'), value: 'any' })
    trie.add('GET', { ...leafFor('GET /a'), value: 'get' })
    trie.add('GET', { ...leafFor('ANY /a'), value: 'host', hosts: new Set(['b']) })
    const query = queryFor('/a')
    expect(trie.find('GET', query)?.value).toBe('get')
    expect(trie.find('GET', { ...query, host: 'b' })?.value).toBe('host')
    expect(trie.find('GET', { ...query, host: 'c', takesGeneralRules: false })).toBeUndefined()
    expect(trie.find('POST', query)).toBeUndefined()
  })

  it('SC-05 finds a literal in any spelling, and the exact one first', () => {
    const trie = new PathTrie<string>()
    trie.add('GET', leafFor('GET /v1/Refunds'))
    trie.add('GET', leafFor('GET /v1/refunds'))
    trie.add('GET', leafFor('GET /v1/*'))
    expect(trie.find('GET', queryFor('/v1/refunds'))?.text).toBe('/v1/refunds')
    expect(trie.find('GET', queryFor('/v1/Refunds'))?.text).toBe('/v1/Refunds')
    expect(trie.find('GET', queryFor('/V1/REFUNDS'))?.text).toBe('/v1/Refunds')
    expect(trie.find('GET', queryFor('/v1/refunds.'))?.text).toBe('/v1/Refunds')
    expect(trie.find('GET', queryFor('/v1/refund'))?.text).toBe('/v1/*')
  })
})
