/**
 * Scope lists as an operator writes them: `stripe:read,stripe:write`.
 *
 * Exact ASCII names and nothing else: no wildcard, no space, no look-alike letter, no implied
 * scope. What is not in the catalogue is an error, never an empty permission.
 */

import { nearest } from '../base/nearest.ts'
import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Scope } from '../catalog/service.ts'

export const MAX_SCOPES = 1000

/** No name is longer, so nothing longer is looked at. */
const MAX_NAME_LENGTH = 128
const NAME = /^(?<service>[a-z0-9][a-z0-9_-]*):(?<action>[a-z0-9][a-z0-9_-]*)$/

export interface ScopeProblem {
  /** One sentence for the operator. */
  readonly problem: string
  /** A valid name that may have been meant. */
  readonly nearest?: string
}

/** Reads a comma-separated list, or names that came one by one. */
export function parseScopes(
  input: string | readonly string[],
  known: ReadonlyMap<string, Scope>,
): Result<ReadonlySet<string>, ScopeProblem> {
  const tooMany = err({ problem: `at most ${MAX_SCOPES} scopes are allowed` })
  if (input.length > MAX_SCOPES * (MAX_NAME_LENGTH + 1)) return tooMany
  const names = typeof input === 'string' ? input.split(',') : input
  if (names.length > MAX_SCOPES) return tooMany
  if (names.length === 0 || input === '') return err({ problem: 'at least one scope is needed' })
  for (const name of names) {
    const problem = scopeProblem(name, known)
    if (problem) return err(problem)
  }
  return ok(new Set(names))
}

/** Service ids that occur in full scope names, sorted. */
export function servicesOf(scopes: Iterable<string>): string[] {
  const services = new Set<string>()
  for (const scope of scopes) services.add(serviceOf(scope))
  return [...services].sort()
}

function scopeProblem(name: string, known: ReadonlyMap<string, Scope>): ScopeProblem | undefined {
  const { service } = (name.length <= MAX_NAME_LENGTH && NAME.exec(name)?.groups) || {}
  if (service === undefined) {
    return { problem: `${quoted(name)} is no scope name: write service:action, as stripe:read` }
  }
  if (known.has(name)) return undefined
  const services = servicesOf(known.keys())
  if (services.includes(service)) {
    const siblings = [...known.keys()].filter((scope) => serviceOf(scope) === service)
    return withNearest(`${service} has no scope "${name}"`, nearest(name, siblings))
  }
  const meant = nearest(service, services)
  const renamed = meant === undefined ? undefined : `${meant}:${name.slice(service.length + 1)}`
  const likely = renamed !== undefined && known.has(renamed) ? renamed : meant
  return withNearest(`there is no service "${service}"`, likely)
}

function withNearest(problem: string, found: string | undefined): ScopeProblem {
  return found === undefined ? { problem } : { problem, nearest: found }
}

function serviceOf(scope: string): string {
  return scope.slice(0, scope.indexOf(':'))
}

/** For a message: cut, and with everything but printable ASCII escaped. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 60)).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
