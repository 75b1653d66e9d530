/**
 * The raw request target: refused unless it has one reading only (DESIGN 5), then cut into
 * segments. The path and query that come out are the ones that came in, byte for byte.
 */

import { err, ok, type Result } from '../base/result.ts'
import type { Target, TargetProblem } from './catalog.ts'
import { plainForm } from './path.ts'

export interface TargetOptions {
  /** The service takes `%2F` inside a segment (GitHub branches, GitLab projects). */
  readonly allowEncodedSlash: boolean
}

// RFC 3986 pchar without ";", which Tomcat and Spring cut away, and with "[" and "]", which
// WHATWG parsers leave alone and nobody reads twice.
const PATH = /^[A-Za-z0-9\-._~!$&'()*+,=:@/[\]%]*$/
/** Visible ASCII without "#": browsers, servers and caches disagree about the rest. */
const QUERY = /^[!"$-~]*$/
const ESCAPE = /%([0-9A-Fa-f]{2})?/g
const UNRESERVED = /^[A-Za-z0-9\-._~]$/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `raw` is the request target as received, one character per byte: path, then `?` and the query. */
export function parseTarget(raw: string, options: TargetOptions): Result<Target, TargetProblem> {
  const mark = raw.indexOf('?')
  const path = mark < 0 ? raw : raw.slice(0, mark)
  const query = mark < 0 ? undefined : raw.slice(mark + 1)
  const problem = pathProblem(path) ?? (query === undefined ? undefined : queryProblem(query))
  if (problem !== undefined) return err({ problem })
  const segments = path === '/' ? [] : path.slice(1).split('/')
  const shape = shapeProblem(segments)
  if (shape !== undefined) return err({ problem: shape })
  if (!path.includes('%')) return ok({ path, query, segments })
  return decodeSegments(segments, options, { path, query })
}

function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the target must be a path that begins with a slash'
  if (!PATH.test(path)) return 'the path has a character that may only come percent-encoded'
  return undefined
}

function queryProblem(query: string): string | undefined {
  return QUERY.test(query) ? undefined : 'the query has a character that must be percent-encoded'
}

/** Dots and empty segments. One at the end is a trailing slash, which a rule may spell. */
function shapeProblem(segments: readonly string[]): string | undefined {
  const last = segments.length - 1
  for (const [index, segment] of segments.entries()) {
    if (segment === '' && (index < last || last === 0)) return 'the path has an empty segment'
    if (isDots(segment)) return 'the path has a dot segment'
  }
  return undefined
}

const isDots = (segment: string): boolean => segment === '.' || segment === '..'

function decodeSegments(
  raw: readonly string[],
  options: TargetOptions,
  target: { readonly path: string; readonly query: string | undefined },
): Result<Target, TargetProblem> {
  const segments: string[] = []
  for (const segment of raw) {
    const decoded = segment.includes('%') ? decodeSegment(segment, options) : ok(segment)
    if (!decoded.ok) return decoded
    segments.push(decoded.value)
  }
  return ok({ ...target, segments })
}

function decodeSegment(raw: string, options: TargetOptions): Result<string, TargetProblem> {
  for (const [escape, hex] of raw.matchAll(ESCAPE)) {
    const problem = escapeProblem(escape, hex, options)
    if (problem !== undefined) return err({ problem })
  }
  const text = decodeUtf8(raw)
  if (text === undefined) return err({ problem: 'the path is not UTF-8' })
  const problem = decodedProblem(text)
  return problem === undefined ? ok(text) : err({ problem })
}

function escapeProblem(
  escape: string,
  hex: string | undefined,
  { allowEncodedSlash }: TargetOptions,
): string | undefined {
  if (hex === undefined) return 'the path has an incomplete percent escape'
  const code = parseInt(hex, 16)
  const character = String.fromCharCode(code)
  if (code < 0x20 || code === 0x7f) return 'the path has an encoded control character'
  if (code < 0x80 && UNRESERVED.test(character))
    return `the path encodes "${character}", which needs no encoding`
  if (character === '/' && allowEncodedSlash) return undefined
  return '/\\;%'.includes(character) ? `the path may not have ${escape}` : undefined
}

function decodeUtf8(raw: string): string | undefined {
  const bytes = raw.replace(ESCAPE, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}

const ASCII = /[ -~]/g
// C1 controls, zero-width spaces, direction marks, separators: invisible, and dropped by some.
const INVISIBLE =
  /[\u0080-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]/

/** What a lenient server could make of the decoded text: another path. */
function decodedProblem(text: string): string | undefined {
  if (INVISIBLE.test(text)) return 'the path has an invisible character'
  // Full-width forms of slashes and dots become the real ones where names are normalised (SC-05).
  if (/[/\\]/.test(plainForm(text.replaceAll(ASCII, ''))))
    return 'the path has a look-alike of a slash'
  const parts = plainForm(text).split('/')
  if (parts.some(isDots)) return 'the path has an encoded dot segment'
  if (parts.length > 1 && parts.includes('')) return 'the path has an empty encoded segment'
  return undefined
}
