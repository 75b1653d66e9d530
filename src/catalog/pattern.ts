/**
 * Linear-time matching of the patterns in catalogue files: an automaton that is in all of its
 * states at once, with the combinations it has met remembered. No input makes it backtrack.
 */

import { err, ok, type Result } from '../base/result.ts'
import { buildAutomaton, MAX_STATES, reach, type Automaton } from './pattern-automaton.ts'
import {
  isSafeToBacktrack,
  parsePattern,
  type CharacterSet,
  type PatternNode,
} from './pattern-syntax.ts'

export interface TextPattern {
  readonly source: string
  test(text: string): boolean
  /** Work done so far: proportional to the text, whatever the text is. */
  readonly steps: number
}

/** `search`: somewhere in the text, unless the pattern has anchors. `whole`: the text in full. */
export type PatternMode = 'search' | 'whole'

const MAX_REMEMBERED = 500
const ASCII = 128

/** Compiles a pattern; otherwise a sentence that says what is wrong with it. */
export function compilePattern(source: string, mode: PatternMode): Result<TextPattern, string> {
  const parsed = parsePattern(source)
  if (!parsed.ok) return parsed
  const tree: PatternNode =
    mode === 'search'
      ? parsed.value
      : { kind: 'sequence', items: [{ kind: 'start' }, parsed.value, { kind: 'end' }] }
  const automaton = buildAutomaton(tree)
  if (automaton.states.length > MAX_STATES) return err('is too large: repeat less')
  return ok(new Matcher(source, automaton))
}

/**
 * A native expression for a credential's form, where the pattern is so plain that backtracking
 * cannot hurt; otherwise a sentence.
 */
export function compileExpression(source: string): Result<RegExp, string> {
  const parsed = parsePattern(source)
  if (!parsed.ok) return parsed
  if (!isSafeToBacktrack(parsed.value))
    return err('may vary its length in one place only, after "^", and may not nest repetitions')
  return ok(new RegExp(source))
}

/** A combination of states, and where each ASCII character leads from it. */
interface Combination {
  readonly members: readonly number[]
  readonly isMatch: boolean
  readonly isMatchAtEnd: boolean
  readonly next: (Combination | undefined)[]
}

class Matcher implements TextPattern {
  readonly source: string
  readonly #automaton: Automaton
  #known = new Map<string, Combination>()
  #initial: Combination
  #steps = 0

  constructor(source: string, automaton: Automaton) {
    this.source = source
    this.#automaton = automaton
    this.#initial = this.#combine([automaton.first], true)
  }

  get steps(): number {
    return this.#steps
  }

  test(text: string): boolean {
    let node = this.#initial
    for (let at = 0; at < text.length && !node.isMatch; at += 1) {
      const code = text.charCodeAt(at)
      this.#steps += 1
      node = node.next[code] ?? this.#advance(node, code)
    }
    return node.isMatch || node.isMatchAtEnd
  }

  #advance(node: Combination, code: number): Combination {
    if (this.#known.size > MAX_REMEMBERED) this.#forget()
    const { states, first } = this.#automaton
    // A match may begin at any character; "^" stops those that may not.
    const from = [first]
    for (const index of node.members) {
      const state = states[index]
      if (state?.kind === 'characters' && accepts(state.set, code)) from.push(state.next)
    }
    this.#steps += node.members.length
    const next = this.#combine(from, false)
    if (code < ASCII) node.next[code] = next
    return next
  }

  #combine(from: readonly number[], isStart: boolean): Combination {
    const automaton = this.#automaton
    const members = reach(automaton, from, { isStart, isEnd: false })
    this.#steps += members.length
    const key = members.join()
    const existing = this.#known.get(key)
    if (existing) return existing
    const hasMatch = (indexes: readonly number[]) =>
      indexes.some((index) => automaton.states[index]?.kind === 'match')
    const isMatchAtEnd = hasMatch(reach(automaton, members, { isStart, isEnd: true }))
    const node = { members, isMatch: hasMatch(members), isMatchAtEnd, next: [] }
    this.#known.set(key, node)
    return node
  }

  /** Some patterns know more combinations than memory should: start over, it is only speed. */
  #forget(): void {
    this.#known = new Map()
    this.#initial = this.#combine([this.#automaton.first], true)
  }
}

function accepts(set: CharacterSet, code: number): boolean {
  for (const [first, last] of set.ranges) {
    if (code >= first && code <= last) return !set.negated
  }
  return set.negated
}
