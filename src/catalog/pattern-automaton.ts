/** Thompson's automaton of a pattern: a list of states that reading moves through. */

import type { CharacterSet, PatternNode } from './pattern-syntax.ts'

/** Patterns that need more states than this are refused. */
export const MAX_STATES = 4000

type State =
  | { readonly kind: 'characters'; readonly set: CharacterSet; readonly next: number }
  | { readonly kind: 'jump'; readonly next: readonly number[] }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'match' }

export interface Automaton {
  readonly states: readonly State[]
  readonly first: number
}

/** Thompson's construction, from the end to the front: each part knows what follows it. */
export function buildAutomaton(tree: PatternNode): Automaton {
  const states: State[] = [{ kind: 'match' }]
  const add = (state: State): number => states.push(state) - 1
  const jump = (next: readonly number[]): number => add({ kind: 'jump', next })

  function build(node: PatternNode, next: number): number {
    // Stops the growth of nested counts early; the caller refuses what got this large.
    if (states.length > MAX_STATES) return next
    switch (node.kind) {
      case 'characters':
        return add({ kind: 'characters', set: node.set, next })
      case 'start':
      case 'end':
        return add({ kind: node.kind, next })
      case 'sequence':
        return node.items.reduceRight((following, item) => build(item, following), next)
      case 'choice':
        return jump(node.options.map((option) => build(option, next)))
      case 'repeat':
        return repeat(node, next)
    }
  }

  function repeat(node: PatternNode & { kind: 'repeat' }, next: number): number {
    let following = node.max === Infinity ? loop(node.item, next) : next
    const optional = node.max === Infinity ? 0 : node.max - node.min
    for (let index = 0; index < optional; index += 1)
      following = jump([build(node.item, following), next])
    for (let index = 0; index < node.min; index += 1) following = build(node.item, following)
    return following
  }

  function loop(item: PatternNode, next: number): number {
    const choice: { readonly kind: 'jump'; next: readonly number[] } = { kind: 'jump', next: [] }
    const index = add(choice)
    choice.next = [build(item, index), next]
    return index
  }

  const first = build(tree, 0)
  return { states, first }
}

/** Where the text stands: anchors can be passed only there. */
export interface Position {
  readonly isStart: boolean
  readonly isEnd: boolean
}

/** All states that can be reached without reading; sorted, so that equal sets are equal lists. */
export function reach(
  { states }: Automaton,
  from: readonly number[],
  position: Position,
): readonly number[] {
  const seen = new Set<number>()
  const open = [...from]
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue
    seen.add(index)
    open.push(...freeMoves(states[index], position))
  }
  return [...seen].sort((left, right) => left - right)
}

function freeMoves(state: State | undefined, { isStart, isEnd }: Position): readonly number[] {
  switch (state?.kind) {
    case 'jump':
      return state.next
    case 'start':
      return isStart ? [state.next] : []
    case 'end':
      return isEnd ? [state.next] : []
    case 'characters':
    case 'match':
    case undefined:
      return []
  }
}
