/**
 * A credential in the path: `/bot{token}/**` names the slot, which the door has emptied or filled
 * with something harmless. Nothing else of the path changes.
 */

import { err, ok, type Result } from '../base/result.ts'
import type { Step } from './outgoing.ts'
import type { Template } from './template.ts'

/** Finds the slot in a raw path; undefined when the path is another. */
export type FindSlot = (
  path: string,
) => { readonly start: number; readonly end: number } | undefined

export interface PathPlace {
  readonly pattern: string
  readonly findSlot: FindSlot
  readonly template: Template
}

const SEGMENT = /^(?:[^{}*]*\{[a-z_]+\}[^{}*]*|[^{}*]+|\*|\*\*)$/
/** What may stand in a segment unescaped (RFC 3986 3.3), so that Telegram's `123:abc` stays so. */
const KEPT = /%(3A|40|24|26|2B|2C|3D)/g

export function injectPath({ pattern, findSlot, template }: PathPlace): Step {
  return (outgoing, fields) => {
    const filled = template.fill(fields)
    if (!filled.ok) return err({ reason: 'field_missing', field: filled.error.missing })
    if (!isUsable(filled.value)) return err({ reason: 'value_unusable', place: 'path' })
    const slot = findSlot(outgoing.path)
    if (slot === undefined) return err({ reason: 'slot_missing', pattern })
    const { path } = outgoing
    const value = encodeURIComponent(filled.value).replace(KEPT, decodeURIComponent)
    return ok({
      headers: outgoing.headers,
      path: path.slice(0, slot.start) + value + path.slice(slot.end),
      query: outgoing.query,
    })
  }
}

/** Reads a pattern: literal segments, `*`, a final `**`, and one segment with one `{slot}`. */
export function parseSlotPattern(pattern: string): Result<FindSlot, { readonly problem: string }> {
  const segments = pattern.split('/').slice(1)
  const isKnown = pattern.startsWith('/') && segments.every((segment) => SEGMENT.test(segment))
  const slots = segments.filter((segment) => segment.includes('{'))
  const rests = segments.indexOf('**')
  if (!isKnown || slots.length !== 1 || (rests >= 0 && rests !== segments.length - 1))
    return err({ problem: 'a path pattern has one {slot}, as /bot{token}/**' })
  const source = segments.map(sourceOf).join('')
  const expression = new RegExp(`^${source}$`, 'd')
  return ok((path) => {
    const [start, end] = expression.exec(path)?.indices?.groups?.['slot'] ?? []
    return start === undefined || end === undefined ? undefined : { start, end }
  })
}

function sourceOf(segment: string): string {
  if (segment === '**') return '(?:/.*)?'
  if (segment === '*') return '/[^/]+'
  const [before = '', after] = segment.split(/\{[a-z_]+\}/)
  if (after === undefined) return `/${literal(segment)}`
  return `/${literal(before)}(?<slot>[^/]*)${literal(after)}`
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** Dots alone would be a step up the path. */
function isUsable(value: string): boolean {
  return value.isWellFormed() && !/^\.*$/.test(value)
}
