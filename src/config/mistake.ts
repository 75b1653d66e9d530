/** One thing that is wrong with the configuration, and the words for all of them at once. */

import { Failure } from '../base/errors.ts'

/** Where: in the file, or in an environment variable that overrides it. */
export type Place =
  { readonly line: number; readonly column: number } | { readonly variable: string }

export interface Mistake {
  readonly place: Place
  /** Never quotes a value: a secret may stand in its place. */
  readonly message: string
}

const MAX_LISTED = 50

/** A failure that lists every mistake in the order of the file. */
export function configFailure(path: string, mistakes: readonly Mistake[]): Failure {
  const lines = [...mistakes]
    .sort(byPlace)
    .slice(0, MAX_LISTED)
    .map(({ place, message }) => `  ${describePlace(place)}: ${message}`)
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  return new Failure('config_invalid', `${path} has ${count}:\n${[...new Set(lines)].join('\n')}`)
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
