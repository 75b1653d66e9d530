/**
 * Where a secret comes from, as text: `vault:stripe`, `env:STRIPE_KEY`, `file:/run/secrets/stripe`.
 *
 * Problems never quote the text: someone may have put the secret itself in its place.
 */

import { err, ok, type Result } from '../base/result.ts'
import { isSecretName } from './names.ts'

export type SourceReference =
  | { readonly source: 'vault'; readonly name: string }
  | { readonly source: 'env'; readonly variable: string }
  | { readonly source: 'file'; readonly path: string }

export interface ReferenceProblem {
  readonly problem: string
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const PATH_SEGMENT = /^[^/\p{Cc}]{1,255}$/u
const LATER = new Set(['hashicorp', 'aws-sm'])

export function parseReference(text: string): Result<SourceReference, ReferenceProblem> {
  const colon = text.indexOf(':')
  const source = text.slice(0, Math.max(colon, 0))
  const rest = text.slice(colon + 1)
  switch (source) {
    case 'vault':
      if (isSecretName(rest)) return ok({ source, name: rest })
      return err({ problem: 'vault: needs the name of a secret, as in vault:stripe' })
    case 'env':
      if (VARIABLE.test(rest)) return ok({ source, variable: rest })
      return err({ problem: 'env: needs the name of a variable, as in env:STRIPE_KEY' })
    case 'file':
      if (isPlainPath(rest)) return ok({ source, path: rest })
      return err({ problem: 'file: needs an absolute path without "." or ".." in it' })
    default:
      return err({ problem: unknownSource(source) })
  }
}

export function formatReference(reference: SourceReference): string {
  switch (reference.source) {
    case 'vault':
      return `vault:${reference.name}`
    case 'env':
      return `env:${reference.variable}`
    case 'file':
      return `file:${reference.path}`
  }
}

function unknownSource(source: string): string {
  if (LATER.has(source)) return `${source}: sources come later; use vault:, env: or file: for now`
  return 'a source of secrets begins with vault:, env: or file:'
}

/** Absolute and already normal, so that the check against `secret_dirs` compares like with like. */
function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.length > 4096) return false
  return path
    .slice(1)
    .split('/')
    .every((segment) => PATH_SEGMENT.test(segment) && segment !== '.' && segment !== '..')
}
