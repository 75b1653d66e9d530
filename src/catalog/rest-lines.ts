/**
 * Operations of a REST API that are told apart by method, path and query fields: one line each, as
 * `POST /apikeys?mode=import ImportApiKeys`.
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseMatchLine, patternMatches, type PathSegment } from './path.ts'

export interface RestLine {
  readonly method: string
  readonly segments: readonly PathSegment[]
  /** Query fields that it must have, with their values where those count. */
  readonly fields: ReadonlyMap<string, string | undefined>
  readonly operation: string
}

export interface RestLines {
  /** In the order of `bySpecificity`. */
  readonly rest: readonly RestLine[]
  /** Query fields that no line names and that change no operation; undefined: any. */
  readonly parameters: ReadonlySet<string> | undefined
}

interface LineRequest {
  /** HEAD as such. */
  readonly method: string
  /** Decoded once. */
  readonly segments: readonly string[]
  readonly query: string | undefined
}

const REST_LINE = /^(HEAD|GET|POST|PUT|PATCH|DELETE) (\/[^ ?]*)(?:\?([^ ]+))? ([A-Za-z0-9]+)$/

export function parseRestLine(text: string): Result<readonly RestLine[], string> {
  const [, method = '', path = '', query = '', operation = ''] = REST_LINE.exec(text) ?? []
  if (operation === '') return err('must be METHOD, path and operation, as "GET /tags/* ListTags"')
  const patterns = parseMatchLine(`GET ${path}`)
  if (!patterns.ok) return patterns
  const fields = new Map(
    query
      .split('&')
      .filter((field) => field !== '')
      .map((field) => {
        const [name = '', value] = field.split('=')
        return [name, value] as const
      }),
  )
  return ok(
    patterns.value.map(({ segments }) => ({
      ...{ method, fields, operation },
      segments: withoutEnd(
        segments,
        (segment) => segment.kind === 'literal' && segment.text === '',
      ),
    })),
  )
}

const RANK: Readonly<Record<PathSegment['kind'], number>> = { literal: 0, glob: 1, any: 2, rest: 4 }
const ENDED = 3

/** The most telling path first, from the left (CATALOGUE 3.3); then the most fields. */
export function bySpecificity(left: RestLine, right: RestLine): number {
  const length = Math.max(left.segments.length, right.segments.length)
  for (let index = 0; index < length; index += 1) {
    const difference = rankAt(left, index) - rankAt(right, index)
    if (difference !== 0) return difference
  }
  return right.fields.size - left.fields.size
}

function rankAt({ segments }: RestLine, index: number): number {
  const segment = segments[index]
  return segment ? RANK[segment.kind] : ENDED
}

/** The operation of a method, path and query; undefined where no line, or more than one, is for it. */
export function nameByLine(
  { rest, parameters }: RestLines,
  request: LineRequest,
): string | undefined {
  const fields = fieldsOf(request.query)
  // Where names hold slashes, an encoded one could be read as either.
  const isSplit = parameters && request.segments.some((segment) => segment.includes('/'))
  if (!fields || isSplit === true) return undefined
  const lines = rest.filter((line) => line.method === request.method && coversPath(line, request))
  const line = lines.find((one) => hasFields(one, fields))
  if (!line) return undefined
  // What tells other operations of this path apart must not be left over.
  const telling = new Set(lines.flatMap((one) => [...one.fields.keys()]))
  const isTold = [...fields.keys()].every(
    (name) => line.fields.has(name) || (!telling.has(name) && parameters?.has(name) !== false),
  )
  return isTold ? line.operation : undefined
}

/** A slash at the end is nothing, but in a name that may hold any: `/bucket/folder/`. */
function coversPath({ segments: pattern }: RestLine, { segments }: LineRequest): boolean {
  if (pattern.at(-1)?.kind !== 'rest') return patternMatches(pattern, withoutSlash(segments))
  const head = pattern.slice(0, -1)
  if (withoutSlash(segments).length <= head.length) return false
  return patternMatches(head, segments.slice(0, head.length))
}

const withoutSlash = (segments: readonly string[]): readonly string[] =>
  withoutEnd(segments, (segment) => segment === '')

function withoutEnd<T>(list: readonly T[], isEnd: (last: T) => boolean): readonly T[] {
  const last = list.at(-1)
  return last !== undefined && isEnd(last) ? list.slice(0, -1) : list
}

function hasFields({ fields: needed }: RestLine, fields: ReadonlyMap<string, string>): boolean {
  return [...needed].every(([name, value]) =>
    value === undefined ? fields.has(name) : fields.get(name) === value,
  )
}

/** Undefined where it cannot be decoded. */
function fieldsOf(query: string | undefined): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>()
  for (const field of (query ?? '').split('&')) {
    if (field === '') continue
    const equals = field.indexOf('=')
    const name = decoded(equals < 0 ? field : field.slice(0, equals))
    const value = decoded(equals < 0 ? '' : field.slice(equals + 1))
    if (name === undefined || value === undefined) return undefined
    // Lists are several fields of one name (`tagKeys=a&tagKeys=b`); none of those names anything.
    fields.set(name, fields.has(name) ? '' : value)
  }
  return fields
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
