/**
 * The rule language of catalogue files: `METHODS /path` with literals, `*`, globs, `(a|b)` and a
 * final `**`. One line is written out into all of its methods and alternatives.
 */

import { err, ok, type Result } from '../base/result.ts'

/** Methods that a rule can name. HEAD is judged as GET. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type PathSegment =
  | { readonly kind: 'literal'; readonly text: string }
  /** Pieces between the stars: `admin.*` is `['admin.', '']`. */
  | { readonly kind: 'glob'; readonly text: string; readonly pieces: readonly string[] }
  | { readonly kind: 'any' }
  /** `**`: the rest of the path, also nothing. Last only. */
  | { readonly kind: 'rest' }

export interface PathPattern {
  readonly methods: readonly Method[]
  readonly segments: readonly PathSegment[]
  /** The path with its alternatives written out. */
  readonly text: string
}

const GROUPS: Readonly<Record<string, readonly Method[]>> = {
  GET: ['GET'],
  POST: ['POST'],
  PUT: ['PUT'],
  PATCH: ['PATCH'],
  DELETE: ['DELETE'],
  WRITE: ['POST', 'PUT', 'PATCH'],
  MUTATE: ['POST', 'PUT', 'PATCH', 'DELETE'],
  ANY: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
}
const MAX_ALTERNATIVES = 2000
const LINE = /^(\S+) +(\/\S*)$/
/** What a literal or glob may hold: characters that a canonical path shows unencoded, and "*". */
const SEGMENT = /^[A-Za-z0-9\-._~!$&'+,=:@*]+$/

/** Reads a line of a rule; otherwise a sentence that says what is wrong with it. */
export function parseMatchLine(line: string): Result<readonly PathPattern[], string> {
  const [, words = '', path = ''] = LINE.exec(line) ?? []
  if (path === '') return err('must be METHODS and a path, as "GET /v1/charges/*"')
  const methods = parseMethods(words)
  if (!methods.ok) return methods
  const patterns = parsePaths(path)
  if (!patterns.ok) return patterns
  return ok(patterns.value.map((pattern) => ({ ...pattern, methods: methods.value })))
}

/** Reads `GET,POST`, `WRITE`, `ANY`, ... */
export function parseMethods(words: string): Result<readonly Method[], string> {
  const methods = new Set<Method>()
  for (const word of words.split(',')) {
    const group = GROUPS[word]
    if (!group) return err(`knows no method "${word}": use ${Object.keys(GROUPS).join(', ')}`)
    for (const method of group) methods.add(method)
  }
  return ok([...methods])
}

/** Reads a path with its alternatives; `methods` of the result is empty. */
export function parsePaths(path: string): Result<readonly PathPattern[], string> {
  const texts = writeOut(path)
  if (!texts.ok) return texts
  const patterns: PathPattern[] = []
  for (const text of texts.value) {
    const segments = parseSegments(text)
    if (!segments.ok) return segments
    patterns.push({ methods: [], segments: segments.value, text })
  }
  return ok(patterns)
}

/** `/a/(b|c/d)` as `/a/b` and `/a/c/d`. */
function writeOut(text: string): Result<readonly string[], string> {
  const open = text.lastIndexOf('(')
  if (open < 0) return text.includes(')') ? err('has a ")" without a "("') : ok([text])
  const close = text.indexOf(')', open)
  if (close < 0) return err('has a "(" without a ")"')
  const options = text.slice(open + 1, close).split('|')
  if (options.includes('')) return err('has an empty alternative')
  const all: string[] = []
  for (const option of options) {
    const inner = writeOut(text.slice(0, open) + option + text.slice(close + 1))
    if (!inner.ok) return inner
    all.push(...inner.value)
    if (all.length > MAX_ALTERNATIVES) return err('has too many alternatives')
  }
  // Nested groups come by the same text twice.
  return ok([...new Set(all)])
}

function parseSegments(path: string): Result<readonly PathSegment[], string> {
  if (path === '/') return ok([])
  const texts = path.slice(1).split('/')
  const segments: PathSegment[] = []
  for (const [index, text] of texts.entries()) {
    const isLast = index === texts.length - 1
    if (text === '' && !isLast) return err('has an empty segment')
    if (text === '**' && !isLast) return err('may have "**" only at its end')
    if (text !== '' && !SEGMENT.test(text))
      return err(`has "${text}", which no canonical path can have`)
    segments.push(parseSegment(text))
  }
  return ok(segments)
}

/** The empty text is a trailing slash that the rule spells. */
function parseSegment(text: string): PathSegment {
  if (text === '**') return { kind: 'rest' }
  if (text === '*') return { kind: 'any' }
  if (!text.includes('*')) return { kind: 'literal', text }
  return { kind: 'glob', text, pieces: text.split(/\*+/) }
}

/** Whether the text has the glob's pieces in their order, the outer ones at its ends. */
export function globMatches(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] ?? ''
  const last = pieces.at(-1) ?? ''
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
}

/** Whether a path spells the pattern exactly, case included. */
export function patternMatches(
  pattern: readonly PathSegment[],
  segments: readonly string[],
): boolean {
  // An index loop: this runs for every request.
  for (let index = 0; index < pattern.length; index += 1) {
    const part = pattern[index]
    if (part?.kind === 'rest') return index >= segments.length || segments.at(-1) !== ''
    const segment = segments[index]
    if (segment === undefined || !part || !segmentMatches(part, segment)) return false
  }
  return pattern.length === segments.length
}

function segmentMatches(part: PathSegment, segment: string): boolean {
  switch (part.kind) {
    case 'literal':
      return part.text === segment
    case 'glob':
      return globMatches(part.pieces, segment)
    case 'any':
    case 'rest':
      return segment !== ''
  }
}

/** What folding leaves as it is: ASCII without capitals or spaces, not ending in a dot. */
const FOLDED = /^(?:[!-@[-~]*[!-\-/-@[-~])?$/

/**
 * A segment as lenient servers might compare it: without case, width, and the trailing dots and
 * spaces that Windows drops. Rules are found by it, and must then be spelled exactly (SC-05).
 */
export function foldSegment(segment: string): string {
  if (FOLDED.test(segment)) return segment
  const folded = plainForm(segment).toLowerCase()
  let end = folded.length
  while (end > 0 && (folded[end - 1] === '.' || folded[end - 1] === ' ')) end -= 1
  return folded.slice(0, end)
}

/** Joiners and variation selectors: part of emoji, and nothing to see elsewhere. */
const JOINERS = /[\u200c\u200d\ufe00-\ufe0f]/g

/** Text as it looks: full-width forms narrow, joiners gone. */
export function plainForm(text: string): string {
  return text.normalize('NFKC').replace(JOINERS, '')
}
