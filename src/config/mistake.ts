/** One thing that is wrong with the configuration, and the words for all of them at once. */

import { Failure } from '../base/errors.ts'

/** Where: in the file, or in an environment variable that overrides it. */
export type Place =
  { readonly line: number; readonly column: number } | { readonly variable: string }

export interface Mistake {
  readonly place: Place
  /** Never quotes a value: a secret may stand in its place. */
  readonly message: string
  /** What it is about, where that is not a setting: YAML itself, or words that may not stand there. */
  readonly about?: 'syntax' | 'text'
}

const MAX_LISTED = 50

/**
 * A failure that lists every mistake in the order of the file. Where that is no YAML, what was read
 * of it is a guess, and which settings it lacks is not worth a line.
 */
export function configFailure(path: string, found: readonly Mistake[]): Failure {
  const isGuess = found.some(({ about }) => about === 'syntax')
  const mistakes = found.filter(({ about }) => !isGuess || about !== undefined)
  const words = [...mistakes]
    .sort(byPlace)
    .map(({ place, message }) => `  ${describePlace(place)}: ${message}`)
  const lines = [...new Set(words)]
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`
  const listed = lines.slice(0, MAX_LISTED).join('\n')
  return new Failure('config_invalid', `${path} has ${count}:\n${listed}`)
}

function describePlace(place: Place): string {
  if ('variable' in place) return place.variable
  return `line ${place.line}, column ${place.column}`
}

function byPlace({ place: left }: Mistake, { place: right }: Mistake): number {
  if ('variable' in left) return 'variable' in right ? 0 : 1
  if ('variable' in right) return -1
  return left.line - right.line || left.column - right.column
}
