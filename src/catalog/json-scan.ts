/**
 * Walks a JSON text (RFC 8259, strict) and shows each value with its place, building nothing.
 *
 * One pass over the bytes, in slices between which the event loop runs (AV-06). Refused beside
 * bad syntax: duplicate keys, more than 64 levels, too many or too long keys.
 */

import { isUtf8 } from 'node:buffer'
import { err, ok, type Result } from '../base/result.ts'

export type JsonProblem =
  | 'json_malformed'
  | 'json_not_utf8'
  | 'json_duplicate_key'
  | 'json_too_deep'
  | 'json_too_many_keys'
  | 'json_key_too_long'

/** What to do with the values. `P` is a place in the text, as the visitor sees places. */
export interface JsonVisitor<P> {
  readonly root: P
  /** The place of a member or an element; an element's name is its index. */
  enter(place: P, name: string): P
  /** Called for every value; `text` gives a scalar's text, and nothing for `{` and `[`. */
  value(place: P, text: (() => string) | undefined): void
}

const MAX_DEPTH = 64
const MAX_KEYS = 100_000
const MAX_KEY_BYTES = 4096
/** Bytes between two turns of the event loop: about a millisecond. */
const SLICE_BYTES = 128 * 1024

/** Walks the whole text. The visitor may have seen values before a problem was found. */
export async function scanJson<P>(
  bytes: Buffer,
  visitor: JsonVisitor<P>,
): Promise<Result<undefined, JsonProblem>> {
  if (!isUtf8(bytes)) return err('json_not_utf8')
  const scanner = new JsonScanner(bytes, visitor)
  try {
    while (!scanner.advance(SLICE_BYTES)) await nextTurn()
  } catch (problem) {
    if (problem instanceof ScanStop) return err(problem.reason)
    throw problem
  }
  return ok(undefined)
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Thrown and caught in this file only: ends the walk. */
class ScanStop extends Error {
  readonly reason: JsonProblem

  constructor(reason: JsonProblem) {
    super(reason)
    this.reason = reason
  }
}

type Expected = 'value' | 'value_or_end' | 'key' | 'key_or_end' | 'comma_or_end' | 'nothing'

interface Container<P> {
  readonly place: P
  /** Keys seen; undefined for an array. */
  readonly keys: Set<string> | undefined
  index: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d

const LITERALS: Readonly<Record<number, Buffer>> = {
  0x74: Buffer.from('true'),
  0x66: Buffer.from('false'),
  0x6e: Buffer.from('null'),
}
const NUMBER_BYTES = new Set(Buffer.from('0123456789+-.eE'))
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

class JsonScanner<P> {
  readonly #bytes: Buffer
  readonly #visitor: JsonVisitor<P>
  readonly #open: Container<P>[] = []
  #place: P
  #expected: Expected = 'value'
  #at = 0
  #keyCount = 0

  constructor(bytes: Buffer, visitor: JsonVisitor<P>) {
    this.#bytes = bytes
    this.#visitor = visitor
    this.#place = visitor.root
  }

  /** Reads on for about `count` bytes; true when the text is read. */
  advance(count: number): boolean {
    const stop = this.#at + count
    while (this.#at < stop) {
      this.#skipSpace()
      if (this.#at >= this.#bytes.length) {
        if (this.#expected !== 'nothing') throw new ScanStop('json_malformed')
        return true
      }
      this.#token(this.#bytes[this.#at] ?? 0)
    }
    return false
  }

  #token(byte: number): void {
    switch (this.#expected) {
      case 'value_or_end':
        if (byte === ARRAY_END) this.#close()
        else this.#value(byte)
        return
      case 'value':
        this.#value(byte)
        return
      case 'key_or_end':
        if (byte === OBJECT_END) this.#close()
        else this.#key(byte)
        return
      case 'key':
        this.#key(byte)
        return
      case 'comma_or_end':
        this.#separator(byte)
        return
      case 'nothing':
        throw new ScanStop('json_malformed')
    }
  }

  #value(byte: number): void {
    const container = this.#open.at(-1)
    if (container && !container.keys) {
      this.#place = this.#visitor.enter(container.place, String(container.index))
      container.index += 1
    }
    if (byte === OBJECT || byte === ARRAY) {
      this.#begin(byte)
      return
    }
    const from = this.#at
    if (byte === QUOTE) this.#string()
    else if (LITERALS[byte]) this.#literal(LITERALS[byte])
    else this.#number()
    this.#visitor.value(this.#place, this.#reader(from, this.#at))
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma_or_end'
  }

  #begin(byte: number): void {
    if (this.#open.length >= MAX_DEPTH) throw new ScanStop('json_too_deep')
    this.#visitor.value(this.#place, undefined)
    const keys = byte === OBJECT ? new Set<string>() : undefined
    this.#open.push({ place: this.#place, keys, index: 0 })
    this.#expected = keys ? 'key_or_end' : 'value_or_end'
    this.#at += 1
  }

  #close(): void {
    this.#open.pop()
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma_or_end'
    this.#at += 1
  }

  #separator(byte: number): void {
    const isObject = this.#open.at(-1)?.keys !== undefined
    if (byte === (isObject ? OBJECT_END : ARRAY_END)) {
      this.#close()
      return
    }
    if (byte !== 0x2c) throw new ScanStop('json_malformed')
    this.#expected = isObject ? 'key' : 'value'
    this.#at += 1
  }

  #key(byte: number): void {
    const container = this.#open.at(-1)
    if (byte !== QUOTE || !container?.keys) throw new ScanStop('json_malformed')
    const from = this.#at
    this.#string()
    if (this.#at - from > MAX_KEY_BYTES) throw new ScanStop('json_key_too_long')
    this.#keyCount += 1
    if (this.#keyCount > MAX_KEYS) throw new ScanStop('json_too_many_keys')
    const key = this.#reader(from, this.#at)()
    if (container.keys.has(key)) throw new ScanStop('json_duplicate_key')
    container.keys.add(key)
    this.#skipSpace()
    if (this.#bytes[this.#at] !== 0x3a) throw new ScanStop('json_malformed')
    this.#at += 1
    this.#place = this.#visitor.enter(container.place, key)
    this.#expected = 'value'
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at += 1
    }
  }

  /** Moves behind the closing quote. The bytes are UTF-8 already. */
  #string(): void {
    for (;;) {
      this.#at += 1
      const byte = this.#bytes[this.#at]
      if (byte === undefined || byte < 0x20) throw new ScanStop('json_malformed')
      if (byte === BACKSLASH) this.#escape()
      else if (byte === QUOTE) break
    }
    this.#at += 1
  }

  #escape(): void {
    this.#at += 1
    const byte = this.#bytes[this.#at] ?? 0
    if (byte === 0x75) {
      const hex = this.#bytes.toString('latin1', this.#at + 1, this.#at + 5)
      if (!/^[0-9A-Fa-f]{4}$/.test(hex)) throw new ScanStop('json_malformed')
      this.#at += 4
    } else if (!'"\\/bfnrt'.includes(String.fromCharCode(byte))) {
      throw new ScanStop('json_malformed')
    }
  }

  #literal(literal: Buffer): void {
    const end = this.#at + literal.length
    if (!this.#bytes.subarray(this.#at, end).equals(literal)) throw new ScanStop('json_malformed')
    this.#at = end
  }

  #number(): void {
    let end = this.#at
    while (NUMBER_BYTES.has(this.#bytes[end] ?? 0)) end += 1
    const text = this.#bytes.toString('latin1', this.#at, end)
    NUMBER.lastIndex = 0
    if (text === '' || NUMBER.exec(text)?.[0] !== text) throw new ScanStop('json_malformed')
    this.#at = end
  }

  /** Decodes only what somebody asks for. Valid by now, so that JSON.parse cannot fail. */
  #reader(from: number, to: number): () => string {
    return () => {
      const raw = this.#bytes.toString('utf8', from, to)
      if (!raw.startsWith('"')) return raw
      return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1)
    }
  }
}
