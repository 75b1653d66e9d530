/**
 * Other ways in which an upstream reads the same path: aliases (numeric ids, versions), suffixes
 * (`.json`), and encoded slashes taken apart. A carve-out must hold on each of them.
 */

import { err, ok, type Result } from '../base/result.ts'
import { foldSegment, parsePaths, patternMatches, type PathPattern } from './path.ts'
import { compilePattern, type TextPattern } from './pattern.ts'

export interface AliasDefinition {
  readonly from: string
  readonly to: string
  readonly except?: readonly string[] | undefined
  readonly when_segment?: string | undefined
}

type AliasPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string }
  | { readonly kind: 'rest' }

export interface Alias {
  readonly from: readonly AliasPart[]
  readonly to: readonly AliasPart[]
  readonly except: readonly PathPattern[]
  /** What every captured segment must look like. */
  readonly when: TextPattern | undefined
}

export interface ReadingRules {
  /** By the name that their `from` begins with. */
  readonly aliases: ReadonlyMap<string, readonly Alias[]>
  /** Cut from the end of the last segment, as `.json`. */
  readonly suffixes: readonly string[]
}

export interface Reading {
  readonly segments: readonly string[]
  /** Without its suffix, where it has one. */
  readonly short: readonly string[] | undefined
  /** With encoded slashes as separators, where it has some. */
  readonly apart: readonly string[] | undefined
  /** An alias takes its place: no rule needs to know this spelling. */
  readonly isSuperseded: boolean
}

const MAX_READINGS = 8

export function compileAlias(definition: AliasDefinition): Result<Alias, string> {
  const from = parseAliasPath(definition.from)
  const to = parseAliasPath(definition.to)
  const problem = aliasProblem(from, to)
  if (problem !== undefined) return err(problem)
  const except: PathPattern[] = []
  for (const text of definition.except ?? []) {
    const patterns = parsePaths(text)
    if (!patterns.ok) return patterns
    except.push(...patterns.value)
  }
  if (definition.when_segment === undefined) return ok({ from, to, except, when: undefined })
  const when = compilePattern(definition.when_segment, 'search')
  return when.ok ? ok({ from, to, except, when: when.value }) : when
}

function parseAliasPath(path: string): readonly AliasPart[] {
  return path
    .slice(1)
    .split('/')
    .map((text): AliasPart => {
      if (text === '**') return { kind: 'rest' }
      const name = /^\{([a-z]+)\}$/.exec(text)?.[1]
      return name === undefined ? { kind: 'literal', text } : { kind: 'capture', name }
    })
}

function aliasProblem(from: readonly AliasPart[], to: readonly AliasPart[]): string | undefined {
  if (from[0]?.kind !== 'literal') return 'must begin with a name'
  for (const parts of [from, to]) {
    const odd = parts.find(
      (part, index) =>
        (part.kind === 'literal' && !/^[A-Za-z0-9._-]+$/.test(part.text)) ||
        (part.kind === 'rest' && index < parts.length - 1),
    )
    if (odd) return 'must be made of names, {captures} and a final "**"'
  }
  if ((from.at(-1)?.kind === 'rest') !== (to.at(-1)?.kind === 'rest'))
    return 'must end in "**" on both sides or on none'
  const captured = new Set(from.map((part) => (part.kind === 'capture' ? part.name : '')))
  const unknown = to.find((part) => part.kind === 'capture' && !captured.has(part.name))
  return unknown ? 'uses a {capture} that its "from" does not have' : undefined
}

/** Aliases by the name that they begin with, which all of them must have. */
export function indexAliases(aliases: readonly Alias[]): ReadingRules['aliases'] {
  const index = new Map<string, Alias[]>()
  for (const alias of aliases) {
    const [first] = alias.from
    const key = first?.kind === 'literal' ? first.text : ''
    index.set(key, [...(index.get(key) ?? []), alias])
  }
  return index
}

/** The path and what aliases make of it, each alias applied to what the others made, too. */
export function readPath(segments: readonly string[], rules: ReadingRules): readonly Reading[] {
  const readings = [readingOf(segments, rules)]
  for (let at = 0; at < readings.length; at += 1) {
    const reading = readings[at]
    const aliases = rules.aliases.get(reading?.segments[0] ?? '')
    if (!reading || !aliases) continue
    const rewritten = aliases.flatMap((alias) => rewrite(alias, reading.segments))
    readings[at] = { ...reading, isSuperseded: rewritten.length > 0 }
    for (const found of rewritten)
      if (readings.length < MAX_READINGS) readings.push(readingOf(found, rules))
  }
  return readings
}

function readingOf(segments: readonly string[], { suffixes }: ReadingRules): Reading {
  return {
    segments,
    short: suffixes.length === 0 ? undefined : withoutSuffix(segments, suffixes),
    apart: withSlashesApart(segments),
    isSuperseded: false,
  }
}

/** The rewritten path in a list, which is empty when the alias does not apply. */
function rewrite(alias: Alias, segments: readonly string[]): (readonly string[])[] {
  const captures = capture(alias, segments)
  if (!captures) return []
  if (alias.except.some((pattern) => patternMatches(pattern.segments, segments))) return []
  const rest = segments.slice(alias.from.length - 1)
  return [alias.to.flatMap((part) => fill(part, captures, rest))]
}

function fill(
  part: AliasPart,
  captures: ReadonlyMap<string, string>,
  rest: readonly string[],
): readonly string[] {
  switch (part.kind) {
    case 'literal':
      return [part.text]
    case 'capture':
      return [captures.get(part.name) ?? '']
    case 'rest':
      return rest
  }
}

function capture(
  { from, when }: Alias,
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const captures = new Map<string, string>()
  for (const [index, part] of from.entries()) {
    if (part.kind === 'rest') return captures
    const segment = segments[index]
    if (segment === undefined) return undefined
    if (part.kind === 'literal' ? part.text !== segment : when?.test(segment) === false)
      return undefined
    if (part.kind === 'capture') captures.set(part.name, segment)
  }
  return from.length === segments.length ? captures : undefined
}

function withoutSuffix(
  segments: readonly string[],
  suffixes: readonly string[],
): readonly string[] | undefined {
  const last = segments.at(-1) ?? ''
  const folded = foldSegment(last)
  const suffix = suffixes.find((text) => folded.endsWith(text) && folded.length > text.length)
  if (suffix === undefined) return undefined
  return [...segments.slice(0, -1), last.slice(0, last.length - suffix.length)]
}

function withSlashesApart(segments: readonly string[]): readonly string[] | undefined {
  return segments.some((segment) => segment.includes('/'))
    ? segments.flatMap((segment) => segment.split('/'))
    : undefined
}
