/**
 * Where a secret comes from, as text: `vault:stripe`, `env:STRIPE_KEY`, `file:/run/secrets/stripe`,
 * and `hashicorp:secret/data/stripe#key` in stores elsewhere, each a row of one table.
 *
 * Problems never quote the text: someone may have put the secret itself in its place.
 */

import { err, ok, type Result } from '../base/result.ts'
import { isSecretName } from './names.ts'

/** Stores that are asked over the network: what a place in each looks like. */
const REMOTE = {
  hashicorp: {
    place: /^(?!\.{1,2}(?:\/|$))[\w.@=+:,~-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.@=+:,~-]+)+$/,
    problem: 'needs the path of a secret below /v1/, as in hashicorp:secret/data/stripe#key',
  },
  'aws-sm': {
    place: /^[\w/+=.@:!-]+(?:\?stage=[\w+=.@:/-]{1,256})?$/,
    problem:
      'needs the name or ARN of a secret, as in aws-sm:prod/stripe#key or aws-sm:prod/stripe?stage=AWSPREVIOUS',
  },
} as const

export type RemoteSource = keyof typeof REMOTE

export interface RemoteReference {
  readonly source: RemoteSource
  /** As the store itself names it. */
  readonly place: string
  /** The only field that is used; absent: all that the service knows. */
  readonly field?: string
}

export type SourceReference =
  | RemoteReference
  | { readonly source: 'vault'; readonly name: string }
  | { readonly source: 'env'; readonly variable: string }
  | { readonly source: 'file'; readonly path: string }

export interface ReferenceProblem {
  readonly problem: string
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const PATH_SEGMENT = /^[^/\p{Cc}]{1,255}$/u
const MAX_PLACE = 2048
const FIELD = /^[\w.@-]{1,128}$/

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
      if (isRemoteSource(source)) return parseRemote(source, rest)
      return err({ problem: UNKNOWN })
  }
}

export function isRemote(reference: SourceReference): reference is RemoteReference {
  return isRemoteSource(reference.source)
}

function isRemoteSource(source: string): source is RemoteSource {
  return Object.hasOwn(REMOTE, source)
}

function parseRemote(
  source: RemoteSource,
  text: string,
): Result<SourceReference, ReferenceProblem> {
  const { place: form, problem } = REMOTE[source]
  const [place = '', field, ...more] = text.split('#')
  const isGood = place.length <= MAX_PLACE && form.test(place) && more.length === 0
  if (!isGood) return err({ problem: `${source}: ${problem}` })
  if (field === undefined) return ok({ source, place })
  if (FIELD.test(field)) return ok({ source, place, field })
  return err({ problem: `${source}: after # stands the name of one field` })
}

export function formatReference(reference: SourceReference): string {
  if (isRemote(reference)) return formatRemote(reference)
  switch (reference.source) {
    case 'vault':
      return `vault:${reference.name}`
    case 'env':
      return `env:${reference.variable}`
    case 'file':
      return `file:${reference.path}`
  }
}

function formatRemote({ source, place, field }: RemoteReference): string {
  return `${source}:${place}${field === undefined ? '' : `#${field}`}`
}

const UNKNOWN = `a source of secrets begins with vault:, env:, file:, ${Object.keys(REMOTE).join(': or ')}:`

/** Absolute and already normal, so that the check against `secret_dirs` compares like with like. */
function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.length > 4096) return false
  return path
    .slice(1)
    .split('/')
    .every((segment) => PATH_SEGMENT.test(segment) && segment !== '.' && segment !== '..')
}
