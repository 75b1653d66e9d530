/**
 * A secret in every form in which a program that was given it may write it back. Forms that are one fixed
 * run of bytes are searched for as they are; those in which each character may be escaped or not
 * start from a text, and escapes.ts reads on from there.
 */

import type { Secret } from '../secret/secret.ts'

export interface Needle {
  readonly bytes: Buffer
  /** Written over it, again and again, byte by byte. */
  readonly marker: Buffer
}

export interface Needles {
  readonly fixed: readonly Needle[]
  /** Any character of these may be written as an escape. */
  readonly escapable: readonly Buffer[]
  /** Lengths of the shortest and the longest fixed one. */
  readonly shortest: number
  readonly longest: number
  /**
   * By two bytes: how far the window of the shortest length may move on from where it ends with them (Wu and
   * Manber 1994); 0 where a fixed one may stand.
   */
  readonly shifts: Uint8Array
  /** By byte, and by two: whether a fixed one begins so. */
  readonly begins: Uint8Array
  readonly beginsPair: Uint8Array
  /** By byte: whether an escapable one has it, and whether one begins with it. */
  readonly has: Uint8Array
  readonly hasFirst: Uint8Array
  /** By two bytes: whether they stand side by side in an escapable one. */
  readonly hasPair: Uint8Array
}

/** Of two bytes, the number that tables are asked by. */
export const pairOf = (first: number, second: number): number => (first << 8) | second

/** A shorter value, or part of one, stands in many an answer by chance. */
export const SHORTEST = 8

const STAR = Buffer.from('*')

const made = new WeakMap<readonly Secret[], Needles>()

/** Made once for the same list; empty when no value is long enough. */
export function needlesFor(secrets: readonly Secret[]): Needles {
  const known = made.get(secrets)
  if (known) return known
  const values = secrets.map((secret) => Buffer.from(secret.reveal(), 'utf8'))
  const needles = build(values.filter(({ length }) => length >= SHORTEST))
  made.set(secrets, needles)
  return needles
}

export const isEmpty = ({ fixed }: Needles): boolean => fixed.length === 0

function build(values: readonly Buffer[]): Needles {
  const fixed = new Map<string, Needle>()
  const escapable = new Map<string, Buffer>()
  const add = (bytes: Buffer, marker = STAR): void => {
    if (bytes.length >= SHORTEST) fixed.set(bytes.toString('latin1'), { bytes, marker })
  }
  for (const value of values) {
    add(value)
    add(Buffer.from(value.toString('hex')))
    add(Buffer.from(value.toString('hex').toUpperCase()))
    add(utf16(value, 'utf16le'), Buffer.from('*\0'))
    add(utf16(value, 'utf16be'), Buffer.from('\0*'))
    escapable.set(value.toString('latin1'), value)
    for (const core of base64Cores(value)) {
      add(core)
      if (core.length >= SHORTEST) escapable.set(core.toString('latin1'), core)
    }
  }
  return indexed([...fixed.values()], [...escapable.values()])
}

const PAIRS = 65_536

function indexed(fixed: readonly Needle[], escapable: readonly Buffer[]): Needles {
  const lengths = fixed.map(({ bytes }) => bytes.length)
  const shortest = Math.min(255, ...lengths)
  return {
    ...{ fixed, escapable, shortest, longest: Math.max(0, ...lengths) },
    shifts: shiftsOf(fixed, shortest),
    ...beginningsOf(fixed),
    ...pairsOf(escapable),
  }
}

function shiftsOf(fixed: readonly Needle[], shortest: number): Uint8Array {
  const shifts = new Uint8Array(PAIRS).fill(shortest - 1)
  for (const { bytes } of fixed)
    for (let at = 1; at < shortest; at++) {
      const pair = pairOf(bytes[at - 1] ?? 0, bytes[at] ?? 0)
      shifts[pair] = Math.min(shifts[pair] ?? 0, shortest - 1 - at)
    }
  return shifts
}

function beginningsOf(fixed: readonly Needle[]) {
  const begins = new Uint8Array(256)
  const beginsPair = new Uint8Array(PAIRS)
  for (const { bytes } of fixed) {
    begins[bytes[0] ?? 0] = 1
    beginsPair[pairOf(bytes[0] ?? 0, bytes[1] ?? 0)] = 1
  }
  return { begins, beginsPair }
}

function pairsOf(escapable: readonly Buffer[]) {
  const has = new Uint8Array(256)
  const hasFirst = new Uint8Array(256)
  const hasPair = new Uint8Array(PAIRS)
  for (const text of escapable) {
    hasFirst[text[0] ?? 0] = 1
    for (const [at, byte] of text.entries()) {
      has[byte] = 1
      if (at > 0) hasPair[pairOf(text[at - 1] ?? 0, byte)] = 1
    }
  }
  return { has, hasFirst, hasPair }
}

function utf16(value: Buffer, form: 'utf16le' | 'utf16be'): Buffer {
  const bytes = Buffer.from(value.toString('utf8'), 'utf16le')
  return form === 'utf16le' ? bytes : bytes.swap16()
}

/**
 * The characters that depend on the value alone, whatever stands before and after it in what was encoded:
 * at each of the three offsets, in both alphabets (RFC 4648, 4 and 5).
 */
function base64Cores(value: Buffer): readonly Buffer[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), value])
    const from = Math.ceil((offset * 8) / 6)
    const to = Math.floor((padded.length * 8) / 6)
    return (['base64', 'base64url'] as const).map((alphabet) =>
      Buffer.from(padded.toString(alphabet).slice(from, to)),
    )
  })
}
