/** The scalar fields of a record as JSON, each with the limits and the distrust that it deserves. */

import { hideCredentials } from './credential-shapes.ts'
import { PATH_LIMIT } from './path.ts'
import { quote } from './text.ts'

const ID_LIMIT = 128
export const NAME_LIMIT = 256
const LIST_LIMIT = 64
/** Texts that a format remembers. */
export const REMEMBERED = 4096

/** What we made ourselves: ids, digests, addresses, words of ours. */
export const id = (text: string): string => quote(text, ID_LIMIT)

/** What somebody else may have chosen. */
export const name = (text: string): string => quote(hideCredentials(text), NAME_LIMIT)

/** The pattern of a rule. */
export const rule = (text: string): string => quote(text, PATH_LIMIT)

/** No product is called by that many letters, or by fewer with digits among them; a key may be. */
const LONG_RUN =
  /(?=[A-Za-z_+=]*[0-9])(?=[0-9_+=]*[A-Za-z])[0-9A-Za-z_+=]{20,}|[0-9A-Za-z_+=]{32,}/g

export function userAgent(text: string): string {
  return quote(hideCredentials(text.slice(0, PATH_LIMIT)).replace(LONG_RUN, '[long]'))
}

export function optional(text: string | undefined, format: (text: string) => string): string {
  return text === undefined ? 'null' : format(text)
}

export function list(items: readonly string[], format = name): string {
  if (items.length === 0) return '[]'
  const kept = items.length > LIST_LIMIT ? items.slice(0, LIST_LIMIT) : items
  const more = items.length > LIST_LIMIT ? `,"[+${items.length - LIST_LIMIT}]"` : ''
  return '[' + kept.map((item) => format(item)).join(',') + more + ']'
}

/** Remembers what a format made of a text: most fields of a record have few different values. */
export function remembered(format: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const made = format(text)
    if (known.size >= REMEMBERED) known.clear()
    if (text.length <= NAME_LIMIT) known.set(text, made)
    return made
  }
}

/** To a thousandth: durations come with more digits than they know. */
export function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return 'null'
  return String(Number.isInteger(value) ? value : Math.round(value * 1000) / 1000)
}
