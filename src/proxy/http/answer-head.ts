/** The head of an upstream's answer as the client gets it: unchanged but for hop and URLs. */

import type { Needles } from '../../scrub/needles.ts'
import { scrubText } from '../../scrub/scrubber.ts'
import { doorAddress } from './door-address.ts'
import type { DoorFacts } from './door-address.ts'
import { holdsUrls, rewriteUrls } from './rewrite.ts'

/** RFC 9110 7.6.1: about the upstream's connection, not the client's. */
const ENDS_HERE = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names and values alternate, in and out. */
export function answerHeaders(raw: readonly string[], facts: DoorFacts): string[] {
  const headers: string[] = []
  let named: ReadonlySet<string> | undefined
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const spelled = raw[index] ?? ''
    const value = raw[index + 1] ?? ''
    const name = spelled.toLowerCase()
    if (name === 'connection') named = options(value)
    if (ENDS_HERE.has(name)) continue
    headers.push(spelled, holdsUrls(name) ? rewriteUrls(name, value, doorAddress(facts)) : value)
  }
  return named ? withoutNamed(headers, named) : headers
}

/** What is about the coded body, which is not what the client gets (RFC 9530, RFC 9110 8.4). */
const OF_CODING = new Set(['content-encoding', 'content-md5', 'content-digest', 'repr-digest'])

export function withoutCoding(headers: readonly string[]): string[] {
  return withoutNamed(headers, OF_CODING)
}

export interface ScrubbedHeaders {
  readonly headers: string[]
  /** The credential stood there, and not only a little of it. */
  readonly isEchoed: boolean
}

/** Names and values without the credential; undefined when it is in none of them, as nearly always. */
export function scrubHeaders(
  headers: readonly string[],
  needles: Needles,
): ScrubbedHeaders | undefined {
  // No name and no value has a line break in it, so that nothing is found across them.
  if (scrubText(headers.join('\n'), needles) === undefined) return undefined
  const scrubbed = headers.map((text) => scrubText(text, needles) ?? { text, hits: 0 })
  return {
    headers: scrubbed.map(({ text }) => text),
    isEchoed: scrubbed.some(({ hits }) => hits > 0),
  }
}

/** The first value of a field; `name` is in lower case. */
export function answerValue(raw: readonly string[], name: string): string | undefined {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const spelled = raw[index] ?? ''
    if (spelled.length === name.length && spelled.toLowerCase() === name) return raw[index + 1]
  }
  return undefined
}

/**
 * What was done to the body (RFC 9110 8.4), over all lines of the field; several codings with commas.
 * Undefined where nothing was: `identity` is no coding, and neither is an empty element.
 */
export function codingOf(raw: readonly string[]): string | undefined {
  const lines: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2)
    if (raw[index]?.toLowerCase() === 'content-encoding') lines.push(raw[index + 1] ?? '')
  if (lines.length === 0) return undefined
  const codings = lines
    .flatMap((line) => line.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  return codings.length === 0 ? undefined : codings.join(',')
}

function options(value: string): ReadonlySet<string> | undefined {
  const names = value.split(',').map((option) => option.trim().toLowerCase())
  const others = names.filter((name) => name !== 'keep-alive' && name !== 'close')
  return others.length > 0 ? new Set(others) : undefined
}

function withoutNamed(headers: readonly string[], named: ReadonlySet<string>): string[] {
  return headers.filter((_, index) => !named.has(headers[index - (index % 2)]?.toLowerCase() ?? ''))
}
