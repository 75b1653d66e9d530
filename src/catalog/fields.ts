/**
 * Names of fields in bodies and queries, as `balance`, `a[*].b`, `card[number]`, `**.amount`.
 *
 * A pattern covers the value it names and everything inside that value, and names compare without
 * case: what a condition must not miss counts for more than what it need not have caught.
 */

import { err, ok, type Result } from '../base/result.ts'

type FieldPart =
  | { readonly kind: 'name'; readonly name: string }
  /** Any one name or index. */
  | { readonly kind: 'any' }
  /** Any number of levels, also none. */
  | { readonly kind: 'deep' }

export interface FieldPattern {
  readonly text: string
  readonly parts: readonly FieldPart[]
}

const NAME = /^[^*[\].\s]+$/

/** Reads a field pattern; otherwise a sentence that says what is wrong with it. */
export function parseField(text: string): Result<FieldPattern, string> {
  // `a[b]`, `a[*]` and `a[]` are other spellings of `a.b`, `a.*` and `a.*`.
  const dotted = text.replaceAll('[]', '.*').replaceAll(/\[([^[\]]+)\]/g, '.$1')
  const parts: FieldPart[] = []
  for (const piece of dotted.split('.')) {
    const part = parsePart(piece)
    if (!part) return err(`has a field "${text}": write a.b, a[*].b, a[b], * or **.a`)
    parts.push(part)
  }
  if (parts.at(-1)?.kind === 'deep') return err(`has a field "${text}" that ends in "**"`)
  return ok({ text, parts })
}

function parsePart(piece: string): FieldPart | undefined {
  if (piece === '**') return { kind: 'deep' }
  if (piece === '*') return { kind: 'any' }
  return NAME.test(piece) ? { kind: 'name', name: foldName(piece) } : undefined
}

const foldName = (name: string): string => name.trim().toLowerCase()

/** How far each pattern got at one place of a body. */
export interface FieldState {
  /** Pairs of pattern and part, flat. */
  readonly open: readonly number[]
  /** Patterns that cover this place. */
  readonly covered: readonly number[]
}

/** Follows several patterns at once while a body is walked through. */
export class FieldTracker {
  readonly #patterns: readonly FieldPattern[]
  readonly start: FieldState

  constructor(patterns: readonly FieldPattern[]) {
    this.#patterns = patterns
    const open: number[] = []
    for (const index of patterns.keys()) this.#reach(index, 0, open)
    this.start = { open, covered: [] }
  }

  /** The place below `state` that has this name; without one, every element of a list. */
  enter(state: FieldState, name: string | undefined): FieldState {
    if (state.open.length === 0) return state.covered.length === 0 ? NOWHERE : state
    const folded = name === undefined ? undefined : foldName(name)
    const open: number[] = []
    let covered = state.covered
    for (let at = 0; at < state.open.length; at += 2) {
      const pattern = state.open[at] ?? 0
      const next = this.#next(pattern, state.open[at + 1] ?? 0, folded)
      if (next === undefined) continue
      if (next < this.#length(pattern)) this.#reach(pattern, next, open)
      else if (!covered.includes(pattern)) covered = [...covered, pattern]
    }
    return { open, covered }
  }

  /** Opens a part, and the one behind it where a `**` may stand for nothing. */
  #reach(pattern: number, part: number, open: number[]): void {
    open.push(pattern, part)
    if (this.#patterns[pattern]?.parts[part]?.kind === 'deep') this.#reach(pattern, part + 1, open)
  }

  /** The part that is open below this name; undefined when the pattern ends here. */
  #next(pattern: number, part: number, name: string | undefined): number | undefined {
    const here = this.#patterns[pattern]?.parts[part]
    if (!here) return undefined
    if (here.kind === 'deep') return part
    if (here.kind === 'any') return part + 1
    // A pattern that names an index covers all elements: more than it need.
    const isNamed = name === undefined ? /^\d+$/.test(here.name) : here.name === name
    return isNamed ? part + 1 : undefined
  }

  #length(pattern: number): number {
    return this.#patterns[pattern]?.parts.length ?? 0
  }
}

const NOWHERE: FieldState = { open: [], covered: [] }
