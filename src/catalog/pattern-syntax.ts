/**
 * The small part of regular expressions that catalogue files may use, parsed into a tree.
 *
 * Left out on purpose: back-references, look-around, word boundaries, lazy quantifiers and
 * Unicode classes. What is left can be matched in linear time (pattern.ts), AV-06.
 */

import { err, ok, type Result } from '../base/result.ts'

/** Which UTF-16 code units a position accepts. */
export interface CharacterSet {
  readonly ranges: readonly (readonly [first: number, last: number])[]
  readonly negated: boolean
}

export type PatternNode =
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | {
      readonly kind: 'repeat'
      readonly item: PatternNode
      readonly min: number
      /** Infinity where there is no upper bound. */
      readonly max: number
    }

const MAX_SOURCE = 1000
const MAX_COUNT = 100
const MAX_DEPTH = 20

const CLASSES: Readonly<Record<string, CharacterSet['ranges']>> = {
  d: [[0x30, 0x39]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  s: [
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0xfeff, 0xfeff],
  ],
}
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const PUNCTUATION = /^[!-/:-@[-`{-~]$/
const COUNT = /^(\d{1,4})(,(\d{0,4}))?\}/
/** Unlike RegExp's dot it takes line breaks too: a guard must not end at one. */
const ANYTHING: CharacterSet = { ranges: [], negated: true }

/** Thrown and caught in this file only: carries the sentence for the file's author. */
class PatternProblem extends Error {}

/** Reads a pattern; otherwise a sentence that says what it may not contain. */
export function parsePattern(source: string): Result<PatternNode, string> {
  if (source.length > MAX_SOURCE) return err(`is longer than ${MAX_SOURCE} characters`)
  const reader = new PatternReader(source)
  try {
    return ok(reader.whole())
  } catch (problem) {
    if (problem instanceof PatternProblem) return err(problem.message)
    throw problem
  }
}

class PatternReader {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  whole(): PatternNode {
    const node = this.#choice()
    if (this.#at < this.#source.length) throw new PatternProblem('has a ")" without a "("')
    return node
  }

  #choice(): PatternNode {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    const [only] = options
    return options.length === 1 && only ? only : { kind: 'choice', options }
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#peek())) {
      items.push(this.#quantified(this.#atom()))
    }
    return { kind: 'sequence', items }
  }

  #atom(): PatternNode {
    const character = this.#next()
    switch (character) {
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '.':
        return { kind: 'characters', set: ANYTHING }
      case '(':
        return this.#group()
      case '[':
        return { kind: 'characters', set: this.#class() }
      case '\\':
        return { kind: 'characters', set: this.#escape() }
      default:
        return { kind: 'characters', set: this.#literal(character) }
    }
  }

  #literal(character: string): CharacterSet {
    if ('*+?{'.includes(character))
      throw new PatternProblem(`has a "${character}" with nothing before it to repeat`)
    return { ranges: [single(character)], negated: false }
  }

  #group(): PatternNode {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw new PatternProblem('has too many nested groups')
    if (this.#take('?') && !this.#take(':')) {
      throw new PatternProblem('may not look around or name groups: "(?..." is not supported')
    }
    const node = this.#choice()
    if (!this.#take(')')) throw new PatternProblem('has a "(" without a ")"')
    this.#depth -= 1
    return node
  }

  #quantified(item: PatternNode): PatternNode {
    const bounds = this.#bounds()
    if (bounds === undefined) return item
    if (item.kind === 'start' || item.kind === 'end')
      throw new PatternProblem('may not repeat "^" or "$"')
    if ('?*+{'.includes(this.#peek()) && this.#peek() !== '')
      throw new PatternProblem('may not have two quantifiers in a row')
    return { kind: 'repeat', item, ...bounds }
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('?')) return { min: 0, max: 1 }
    if (this.#take('*')) return { min: 0, max: Infinity }
    if (this.#take('+')) return { min: 1, max: Infinity }
    if (!this.#take('{')) return undefined
    const found = COUNT.exec(this.#source.slice(this.#at))
    if (!found) throw new PatternProblem('has a "{" that is no repetition; write "\\{" for a brace')
    this.#at += found[0].length
    return checkCount(Number(found[1]), highestOf(found))
  }

  #class(): CharacterSet {
    const negated = this.#take('^')
    const ranges: (readonly [number, number])[] = []
    while (!this.#take(']')) {
      const set = this.#classMember()
      const [range] = set
      const isRange = this.#peek() === '-' && !']'.includes(this.#source[this.#at + 1] ?? ']')
      if (!isRange || set.length !== 1 || range === undefined) ranges.push(...set)
      else ranges.push(this.#rangeFrom(range[0]))
    }
    return { ranges, negated }
  }

  #rangeFrom(first: number): readonly [number, number] {
    this.#next()
    const [last] = this.#classMember()
    if (last === undefined || last[0] < first)
      throw new PatternProblem('has a range whose end is before its start')
    return [first, last[0]]
  }

  #classMember(): CharacterSet['ranges'] {
    const character = this.#next()
    if (character === '[') throw new PatternProblem('must write "\\[" inside of a class')
    return character === '\\' ? this.#escape().ranges : [single(character)]
  }

  #escape(): CharacterSet {
    const character = this.#next()
    const ranges = CLASSES[character]
    if (ranges) return { ranges, negated: false }
    const literal = ESCAPES[character] ?? (PUNCTUATION.test(character) ? character : undefined)
    if (literal === undefined)
      throw new PatternProblem(`may not use "\\${character}": only \\d \\w \\s and punctuation`)
    return { ranges: [single(literal)], negated: false }
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): string {
    const character = this.#source[this.#at]
    if (character === undefined) throw new PatternProblem('ends in the middle')
    this.#at += 1
    return character
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false
    this.#at += 1
    return true
  }
}

/** `{3}`, `{3,}`, `{3,5}`: the upper bound of what COUNT found. */
function highestOf([, min, comma, max]: RegExpExecArray): number {
  if (comma === undefined) return Number(min)
  return max === '' ? Infinity : Number(max)
}

function checkCount(min: number, max: number): { min: number; max: number } {
  const highest = max === Infinity ? min : max
  if (highest > MAX_COUNT) throw new PatternProblem(`may not repeat more than ${MAX_COUNT} times`)
  if (max < min) throw new PatternProblem('has a repetition whose end is before its start')
  return { min, max }
}

function single(character: string): readonly [number, number] {
  const code = character.charCodeAt(0)
  return [code, code]
}

/**
 * Whether a backtracking engine, too, runs it in linear time: nothing that repeats holds something
 * that repeats or chooses, and each alternative varies its length in one place at most, which only
 * an anchored pattern may do without bound.
 */
export function isSafeToBacktrack(node: PatternNode): boolean {
  const options = node.kind === 'choice' ? node.options : [node]
  return options.every((option) => {
    const { variable, unbounded, nested } = measure(option)
    return !nested && variable <= 1 && (unbounded === 0 || isAnchored(option))
  })
}

interface Measure {
  readonly variable: number
  readonly unbounded: number
  readonly nested: boolean
}

function measure(node: PatternNode): Measure {
  switch (node.kind) {
    case 'characters':
    case 'start':
    case 'end':
      return { variable: 0, unbounded: 0, nested: false }
    case 'sequence':
      return total(node.items.map(measure))
    case 'choice':
      return total(node.options.map(measure))
    case 'repeat': {
      const isVariable = node.min === node.max ? 0 : 1
      const isUnbounded = node.max === Infinity ? 1 : 0
      return { variable: isVariable, unbounded: isUnbounded, nested: !isPlain(node.item) }
    }
  }
}

function total(parts: readonly Measure[]): Measure {
  return {
    variable: parts.reduce((sum, part) => sum + part.variable, 0),
    unbounded: parts.reduce((sum, part) => sum + part.unbounded, 0),
    nested: parts.some((part) => part.nested),
  }
}

/** Characters in a row, without any choice among them. */
function isPlain(node: PatternNode): boolean {
  if (node.kind === 'sequence') return node.items.every(isPlain)
  return node.kind === 'characters'
}

function isAnchored(node: PatternNode): boolean {
  return node.kind === 'sequence' && node.items[0]?.kind === 'start'
}
