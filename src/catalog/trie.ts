/**
 * Path patterns in a tree, so that finding the deciding one among a thousand takes as long as the
 * path is deep. The order of CATALOGUE 3.3 is the order of the search: literal, glob with more
 * letters, `*`, the pattern's end, `**`; then rules for named hosts, then those with fewer methods.
 */

import { foldSegment, globMatches, patternMatches, type Method, type PathSegment } from './path.ts'

/** What stands at the end of a pattern. */
export interface Leaf<T> {
  readonly value: T
  readonly segments: readonly PathSegment[]
  /** The pattern's path, its alternatives written out. */
  readonly text: string
  /** Hosts that it is limited to; undefined for every host that takes general rules. */
  readonly hosts: ReadonlySet<string> | undefined
  /** How many methods its line named. */
  readonly breadth: number
}

/** A path in the form that the search compares, and the host that was asked. */
export interface PathQuery {
  readonly segments: readonly string[]
  /** The same, each folded by `foldSegment`. */
  readonly folded: readonly string[]
  readonly host: string
  /** The host takes rules that name no host. */
  readonly takesGeneralRules: boolean
}

interface Glob<T> {
  readonly text: string
  readonly pieces: readonly string[]
  readonly letters: number
  readonly node: Node<T>
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  globs: readonly Glob<T>[]
  any: Node<T> | undefined
  ends: readonly Leaf<T>[]
  rests: readonly Leaf<T>[]
}

export class PathTrie<T> {
  readonly #roots = new Map<Method, Node<T>>()

  get isEmpty(): boolean {
    return this.#roots.size === 0
  }

  add(method: Method, leaf: Leaf<T>): void {
    let node = this.#roots.get(method)
    if (!node) this.#roots.set(method, (node = emptyNode()))
    for (const segment of leaf.segments) {
      if (segment.kind === 'rest') {
        node.rests = inOrder([...node.rests, leaf])
        return
      }
      node = childFor(node, segment)
    }
    node.ends = inOrder([...node.ends, leaf])
  }

  /**
   * The most specific leaf for the path, found without regard to case: the caller must refuse a
   * path that does not spell it exactly.
   */
  find(method: Method, query: PathQuery): Leaf<T> | undefined {
    const root = this.#roots.get(method)
    return root && findBelow(root, 0, query)
  }

  /** Shows every leaf whose pattern covers the path, until one is what `isWanted`. */
  some(method: Method, query: PathQuery, isWanted: (leaf: Leaf<T>) => boolean): boolean {
    const root = this.#roots.get(method)
    return root !== undefined && someBelow({ node: root, depth: 0 }, query, isWanted)
  }

  /** Every leaf whose pattern covers the path, in no particular order. */
  collect(method: Method, query: PathQuery): readonly Leaf<T>[] {
    const found: Leaf<T>[] = []
    this.some(method, query, (leaf) => {
      found.push(leaf)
      return false
    })
    return found
  }

  /** All places where patterns end or part, for the checks at load. */
  *places(): Generator<TriePlace<T>> {
    for (const [method, root] of this.#roots) yield* placesBelow(method, root)
  }
}

/** Leaves that share one shape, and globs that compete for one segment. */
export interface TriePlace<T> {
  readonly method: Method
  readonly leaves: readonly Leaf<T>[]
  readonly globs: readonly { readonly text: string; readonly pieces: readonly string[] }[]
}

function emptyNode<T>(): Node<T> {
  return { literals: new Map(), globs: [], any: undefined, ends: [], rests: [] }
}

function childFor<T>(node: Node<T>, segment: PathSegment): Node<T> {
  switch (segment.kind) {
    case 'literal': {
      const key = foldSegment(segment.text)
      const child = node.literals.get(key) ?? emptyNode<T>()
      node.literals.set(key, child)
      return child
    }
    case 'glob':
      return globChild(node, segment)
    case 'any':
    case 'rest':
      return (node.any ??= emptyNode())
  }
}

function globChild<T>(node: Node<T>, segment: PathSegment & { kind: 'glob' }): Node<T> {
  const text = segment.text.toLowerCase()
  const existing = node.globs.find((glob) => glob.text === text)
  if (existing) return existing.node
  const pieces = segment.pieces.map((piece) => piece.toLowerCase())
  const letters = pieces.join('').length
  const glob: Glob<T> = { text, pieces, letters, node: emptyNode() }
  node.globs = [...node.globs, glob].sort((left, right) => right.letters - left.letters)
  return glob.node
}

function inOrder<T>(leaves: readonly Leaf<T>[]): readonly Leaf<T>[] {
  return [...leaves].sort((left, right) => rank(left) - rank(right))
}

const rank = <T>(leaf: Leaf<T>): number => (leaf.hosts ? 0 : 10) + leaf.breadth

function findBelow<T>(node: Node<T>, depth: number, query: PathQuery): Leaf<T> | undefined {
  const segment = query.folded[depth]
  if (segment === undefined) return firstFor(node.ends, query) ?? firstFor(node.rests, query)
  const literal = node.literals.get(segment)
  return (
    (literal && findBelow(literal, depth + 1, query)) ??
    findInGlobs(node.globs, depth, query) ??
    (node.any && segment !== '' ? findBelow(node.any, depth + 1, query) : undefined) ??
    (hasTrailingSlash(query) ? undefined : firstFor(node.rests, query))
  )
}

function findInGlobs<T>(
  globs: readonly Glob<T>[],
  depth: number,
  query: PathQuery,
): Leaf<T> | undefined {
  for (const glob of globs) {
    if (!globMatches(glob.pieces, query.folded[depth] ?? '')) continue
    const found = findBelow(glob.node, depth + 1, query)
    if (found) return found
  }
  return undefined
}

interface Place<T> {
  readonly node: Node<T>
  readonly depth: number
}

function someBelow<T>(
  { node, depth }: Place<T>,
  query: PathQuery,
  isWanted: (leaf: Leaf<T>) => boolean,
): boolean {
  const segment = query.folded[depth]
  const isHere = (leaf: Leaf<T>) => isFor(leaf, query) && isWanted(leaf)
  if (segment === undefined) return node.ends.some(isHere) || node.rests.some(isHere)
  if (!hasTrailingSlash(query) && node.rests.some(isHere)) return true
  const isBelow = (child: Node<T>) => someBelow({ node: child, depth: depth + 1 }, query, isWanted)
  const literal = node.literals.get(segment)
  if (literal && isBelow(literal)) return true
  if (node.globs.some(({ pieces, node: below }) => globMatches(pieces, segment) && isBelow(below)))
    return true
  return node.any !== undefined && segment !== '' && isBelow(node.any)
}

const hasTrailingSlash = ({ folded }: PathQuery): boolean => folded.at(-1) === ''

/** The first that the path spells exactly; else the first that it only resembles. */
function firstFor<T>(leaves: readonly Leaf<T>[], query: PathQuery): Leaf<T> | undefined {
  let misspelled: Leaf<T> | undefined
  for (const leaf of leaves) {
    if (!isFor(leaf, query)) continue
    if (patternMatches(leaf.segments, query.segments)) return leaf
    misspelled ??= leaf
  }
  return misspelled
}

const isFor = <T>({ hosts }: Leaf<T>, query: PathQuery): boolean =>
  hosts ? hosts.has(query.host) : query.takesGeneralRules

function* placesBelow<T>(method: Method, node: Node<T>): Generator<TriePlace<T>> {
  yield { method, leaves: node.ends, globs: node.globs }
  yield { method, leaves: node.rests, globs: [] }
  const children = [...node.literals.values(), ...node.globs.map((glob) => glob.node)]
  for (const child of node.any ? [...children, node.any] : children)
    yield* placesBelow(method, child)
}
