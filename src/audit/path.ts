/**
 * A path as a record may keep it: segments that name an operation or a record of a known form stay
 * as they are; slots that the service's file calls secret, and whatever is not plain, become length
 * and keyed digest.
 */

import type { KeyObject } from 'node:crypto'
import { redactedText } from './digest.ts'
import { isPlainSegment } from './plain-shapes.ts'

/** Longer paths are cut before they are looked at. */
export const PATH_LIMIT = 2048

/** What follows this many segments becomes one digest. */
const SEGMENT_LIMIT = 64

export interface PathRules {
  readonly key: KeyObject
  // `/webhooks/*/{token}`: the segment with the braces is secret, `*` is any one segment. A pattern
  // matches anywhere in a path.
  readonly patterns: readonly string[]
}

/** The path in the form that may be kept. It is cut after 2048 characters and says so. */
export function redactPath(path: string, { key, patterns }: PathRules): string {
  if (path.length > PATH_LIMIT) return redactLongPath(path, { key, patterns })
  const segments = splitPath(path)
  const secret = patterns.length === 0 ? NO_SLOTS : secretSlots(segments, patterns)
  let kept = ''
  for (const [index, segment] of segments.entries()) {
    if (index > 0) kept += '/'
    const isPlain = !secret.has(index) && isPlainSegment(segment)
    kept += isPlain ? segment : redactedText(key, segment)
  }
  return kept
}

/** The segment that the limit cuts through goes as a whole: half a secret may look harmless. */
function redactLongPath(path: string, rules: PathRules): string {
  const end = Math.max(path.lastIndexOf('/', PATH_LIMIT - 1), 0)
  return `${redactPath(path.slice(0, end), rules)}/[+${path.length - end}]`
}

function splitPath(path: string): string[] {
  const segments = path.split('/')
  if (segments.length <= SEGMENT_LIMIT) return segments
  return [...segments.slice(0, SEGMENT_LIMIT), segments.slice(SEGMENT_LIMIT).join('/')]
}

const NO_SLOTS: ReadonlySet<number> = new Set()

function secretSlots(segments: readonly string[], patterns: readonly string[]): Set<number> {
  const secret = new Set<number>()
  for (const pattern of patterns) {
    const parts = pattern.split('/').filter((part) => part !== '')
    const slots = [...parts.keys()].filter((offset) => isSlot(parts[offset] ?? ''))
    for (let start = 0; start + parts.length <= segments.length; start++) {
      if (parts.every((part, offset) => fits(part, segments[start + offset] ?? '')))
        slots.forEach((offset) => secret.add(start + offset))
    }
  }
  return secret
}

function fits(part: string, segment: string): boolean {
  if (part === '*') return segment !== ''
  return isSlot(part) ? segment.startsWith(part.slice(0, part.indexOf('{'))) : part === segment
}

const isSlot = (part: string) => part.includes('{')
