/**
 * A secret in every form in which a program that was given it may write it back. Forms that are one fixed
 * run of bytes are searched for as they are; those in which each character may be escaped or not
 * are searched for in what escapes.ts makes of the text.
 */

import type { Secret } from '../secret/secret.ts'
import { behindStarts } from './escapes.ts'
import { needleSet, PAIRS, pairOf, type Needle, type NeedleSet } from './needle-set.ts'
import { tellingLength } from './telling-length.ts'

export interface Needles {
  readonly fixed: NeedleSet
  /** Any character of these may be written as an escape. */
  readonly escapable: NeedleSet
  /** By byte: whether an escapable one has it, and whether one begins with it. */
  readonly has: Uint8Array
  readonly hasFirst: Uint8Array
  /** By two bytes: whether they stand side by side in an escapable one. */
  readonly hasPair: Uint8Array
  /** By what an escape begins with, and by the byte behind it: whether it may be one of theirs. */
  readonly behind: ReadonlyMap<number, Uint8Array>
}

/** A shorter value, or part of one, stands in many an answer by chance. */
export const SHORTEST = 8

const made = {
  plain: new WeakMap<readonly Secret[], Needles>(),
  coded: new WeakMap<readonly Secret[], Needles>(),
}

/**
 * Made once for the same list; empty when no value is long enough. `isCoded`: requests carry base64 of the
 * secrets, as those of Basic do, and what shows such a request may code that once more.
 */
export function needlesFor(secrets: readonly Secret[], isCoded = false): Needles {
  const cache = isCoded ? made.coded : made.plain
  const known = cache.get(secrets)
  if (known) return known
  const values = secrets.flatMap((secret) => spellings(secret.reveal()))
  const needles = build(
    values.filter(({ length }) => length >= SHORTEST),
    isCoded,
  )
  cache.set(secrets, needles)
  return needles
}

export const isEmpty = ({ fixed }: Needles): boolean => fixed.needles.length === 0

/** A character beyond ASCII is one byte in a header, and two in most bodies. */
function spellings(value: string): readonly Buffer[] {
  const utf8 = Buffer.from(value, 'utf8')
  const latin1 = Buffer.from(value, 'latin1')
  return latin1.toString('latin1') === value && !latin1.equals(utf8) ? [utf8, latin1] : [utf8]
}

function build(values: readonly Buffer[], isCoded: boolean): Needles {
  const plain = values.map((bytes) => needleOf(bytes, tellingLength(bytes)))
  const coded = plain.flatMap(base64Cores)
  const escapable = [...plain, ...coded]
  const twice = isCoded ? [...coded.flatMap(rewritten), ...coded.flatMap(base64Cores)] : []
  return {
    fixed: needleSet(unique([...escapable, ...plain.flatMap(rewritten), ...twice])),
    escapable: needleSet(unique(escapable)),
    ...tablesOf(escapable.map(({ bytes }) => bytes)),
  }
}

const STAR = Buffer.from('*')

function needleOf(bytes: Buffer, telling: number, marker = STAR): Needle {
  return { bytes, telling: Math.min(telling, bytes.length), marker }
}

function unique(needles: readonly Needle[]): readonly Needle[] {
  const long = needles.filter(({ bytes }) => bytes.length >= SHORTEST)
  return [...new Map(long.map((needle) => [needle.bytes.toString('latin1'), needle])).values()]
}

function rewritten({ bytes, telling }: Needle): readonly Needle[] {
  const hex = bytes.toString('hex')
  const wide = Buffer.from(bytes.toString('utf8'), 'utf16le')
  return [
    needleOf(Buffer.from(hex), 2 * telling),
    needleOf(Buffer.from(hex.toUpperCase()), 2 * telling),
    needleOf(wide, 2 * telling, Buffer.from('*\0')),
    needleOf(Buffer.from(wide).swap16(), 2 * telling, Buffer.from('\0*')),
  ]
}

/**
 * The characters that depend on the value alone, whatever stands before and after it in what was encoded:
 * at each of the three offsets, in both alphabets (RFC 4648, 4 and 5).
 */
function base64Cores({ bytes, telling }: Needle): readonly Needle[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes])
    const from = Math.ceil((offset * 8) / 6)
    const end = (length: number): number => Math.floor(((offset + length) * 8) / 6)
    return (['base64', 'base64url'] as const).map((alphabet) => {
      const core = padded.toString(alphabet).slice(from, end(bytes.length))
      return needleOf(Buffer.from(core), end(telling) - from)
    })
  })
}

function tablesOf(texts: readonly Buffer[]) {
  const has = new Uint8Array(256)
  const hasFirst = new Uint8Array(256)
  const hasPair = new Uint8Array(PAIRS)
  for (const text of texts) {
    hasFirst[text[0] ?? 0] = 1
    for (const [at, byte] of text.entries()) {
      has[byte] = 1
      if (at > 0) hasPair[pairOf(text[at - 1] ?? 0, byte)] = 1
    }
  }
  return { has, hasFirst, hasPair, behind: behindStarts(has) }
}
