/** What may not be in a catalogue although each part of it can be read: ties and dead rules. */

import type { CompiledHost, Problem } from './host.ts'
import { globMatches, type Method, type PathPattern, type PathSegment } from './path.ts'
import type { AdditionLine, Rule, Ruleset } from './ruleset.ts'
import type { Leaf, TriePlace } from './trie.ts'
import { formatPath } from './definition.ts'

export function lintRuleset(
  ruleset: Ruleset,
  hosts: ReadonlyMap<string, CompiledHost>,
): readonly Problem[] {
  const places = [...ruleset.deciding.places()]
  return [
    ...places.flatMap(({ leaves }) => ties(leaves)),
    ...places.flatMap(({ globs, leaves }) => rivalGlobs(globs, leaves)),
    ...deadRules(places, hosts),
    ...deadAdditions(ruleset.additionLines, places),
  ]
}

/** Two rules of equal rank for one path, with different scopes: neither can decide. */
function ties(leaves: readonly Leaf<Rule>[]): readonly Problem[] {
  return leaves.flatMap((left, index) =>
    leaves
      .slice(index + 1)
      .filter((right) => isTied(left, right))
      .map((right) => ({
        path: right.value.path,
        message: `"${right.value.line}" ties with "${left.value.line}" (${formatPath(left.value.path)}), which gives another scope`,
      })),
  )
}

function isTied(left: Leaf<Rule>, right: Leaf<Rule>): boolean {
  if (left.text !== right.text || left.breadth !== right.breadth) return false
  if (left.value.scope?.id === right.value.scope?.id) return false
  if (!left.hosts || !right.hosts) return left.hosts === right.hosts
  return [...left.hosts].some((host) => right.hosts?.has(host))
}

/** Globs with as many letters that fit one segment: the order between them would be chance. */
function rivalGlobs(
  globs: TriePlace<Rule>['globs'],
  leaves: readonly Leaf<Rule>[],
): readonly Problem[] {
  const letters = ({ pieces }: TriePlace<Rule>['globs'][number]) => pieces.join('').length
  return globs.flatMap((left, index) =>
    globs
      .slice(index + 1)
      .filter(
        (right) => letters(left) === letters(right) && globsOverlap(left.pieces, right.pieces),
      )
      .map((right) => ({
        path: leaves[0]?.value.path ?? ['rules'],
        message: `"${left.text}" and "${right.text}" fit the same segments and are equally specific`,
      })),
  )
}

/** Globs overlap unless their ends exclude each other. */
function globsOverlap(left: readonly string[], right: readonly string[]): boolean {
  const [leftEnd = '', rightEnd = ''] = [left.at(-1), right.at(-1)]
  const [leftStart = '', rightStart = ''] = [left[0], right[0]]
  const startsAgree = leftStart.startsWith(rightStart) || rightStart.startsWith(leftStart)
  const endsAgree = leftEnd.endsWith(rightEnd) || rightEnd.endsWith(leftEnd)
  return startsAgree && endsAgree
}

/** Lines that another one with the same path always comes before. */
function deadRules(
  places: readonly TriePlace<Rule>[],
  hosts: ReadonlyMap<string, CompiledHost>,
): readonly Problem[] {
  const lines = new Map<string, Rule>()
  const alive = new Set<string>()
  for (const { leaves } of places) {
    for (const { value } of leaves) lines.set(formatPath(value.path), value)
    for (const leaf of leaves)
      if (decidesSomewhere(leaf, leaves, hosts)) alive.add(formatPath(leaf.value.path))
  }
  return [...lines]
    .filter(([place]) => !alive.has(place))
    .map(([, { path, line }]) => ({
      path,
      message: `"${line}" never decides: another rule with the same path comes before it`,
    }))
}

function decidesSomewhere(
  leaf: Leaf<Rule>,
  leaves: readonly Leaf<Rule>[],
  hosts: ReadonlyMap<string, CompiledHost>,
): boolean {
  const before = leaves
    .slice(0, leaves.indexOf(leaf))
    .filter((other) => other.text === leaf.text && !isTied(other, leaf))
  if (before.length === 0) return true
  return [...hosts.values()].some(
    (host) => isOn(leaf, host) && !before.some((other) => isOn(other, host)),
  )
}

const isOn = ({ hosts }: Leaf<Rule>, { host, takesGeneralRules }: CompiledHost): boolean =>
  hosts ? hosts.has(host.name) : takesGeneralRules

/** A `where` line on paths that no unconditional rule knows can add nothing. */
function deadAdditions(
  lines: readonly AdditionLine[],
  places: readonly TriePlace<Rule>[],
): readonly Problem[] {
  return lines
    .filter(({ pattern }) => !places.some((place) => isReached(pattern, place)))
    .map(({ pattern, path }) => ({
      path,
      message: `"${pattern.text}" adds a scope where no rule without "where" gives one`,
    }))
}

function isReached(pattern: PathPattern, { method, leaves }: TriePlace<Rule>): boolean {
  const methods: readonly Method[] = pattern.methods
  return methods.includes(method) && leaves.some((leaf) => overlap(pattern.segments, leaf.segments))
}

/** Whether some path fits both patterns. */
function overlap(left: readonly PathSegment[], right: readonly PathSegment[]): boolean {
  for (let index = 0; ; index += 1) {
    const [mine, other] = [left[index], right[index]]
    if (mine?.kind === 'rest' || other?.kind === 'rest') return true
    if (!mine || !other) return mine === other
    if (!segmentsOverlap(mine, other)) return false
  }
}

function segmentsOverlap(left: PathSegment, right: PathSegment): boolean {
  if (left.kind === 'literal' && right.kind === 'literal') return left.text === right.text
  if (left.kind === 'glob' && right.kind === 'literal') return globMatches(left.pieces, right.text)
  if (left.kind === 'literal' && right.kind === 'glob') return globMatches(right.pieces, left.text)
  if (left.kind === 'glob' && right.kind === 'glob') return globsOverlap(left.pieces, right.pieces)
  return true
}
