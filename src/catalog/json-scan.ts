/**
 * Walks a JSON text (RFC 8259, strict) and shows each value with its place, building nothing.
 *
 * One pass over the bytes, in slices between which the event loop runs (AV-06). Refused beside
 * bad syntax: duplicate keys, more than 64 levels, too many or too long keys.
 */

import { isUtf8 } from 'node:buffer'
import { err, ok, type Result } from '../base/result.ts'
import { endOfScalar, endOfText, QUOTE, skipSpace } from './json-tokens.ts'

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
  /** The place of a member. */
  member(place: P, name: string): P
  /** The place of every element of a list: asked once for all of them. */
  element(place: P): P
  /** Called for every value; `text` gives a scalar's text, and nothing for `{` and `[`. */
  value(place: P, text: (() => string) | undefined): void
}

const MAX_DEPTH = 64
const MAX_KEYS = 100_000
const MAX_KEY_BYTES = 4096
/** How much is read between two turns of the event loop: about a millisecond. */
const SLICE_TOKENS = 2000
const SLICE_BYTES = 256 * 1024

/** Walks the whole text. The visitor may have seen values before a problem was found. */
export async function scanJson<P>(
  bytes: Buffer,
  visitor: JsonVisitor<P>,
): Promise<Result<undefined, JsonProblem>> {
  if (!isUtf8(bytes)) return err('json_not_utf8')
  const scanner = new JsonScanner(bytes, visitor)
  try {
    while (!scanner.advance()) await nextTurn()
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
  /** Of an object itself; of an array's elements. */
  readonly place: P
  /** Keys seen; undefined for an array. */
  readonly keys: Set<string> | undefined
}

const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

class JsonScanner<P> {
  readonly #bytes: Buffer
  readonly #visitor: JsonVisitor<P>
  readonly #open: Container<P>[] = []
  #place: P
  #expected: Expected = 'value'
  #at = 0
  /** Where this slice ends. */
  #stop = 0
  /** The text that is being read, which may be longer than a slice. */
  #text: { readonly from: number; readonly isKey: boolean } | undefined
  #keyCount = 0

  constructor(bytes: Buffer, visitor: JsonVisitor<P>) {
    this.#bytes = bytes
    this.#visitor = visitor
    this.#place = visitor.root
  }

  /** Reads on for a slice; true when the whole text is read. */
  advance(): boolean {
    this.#stop = Math.min(this.#at + SLICE_BYTES, this.#bytes.length)
    for (let tokens = 0; tokens < SLICE_TOKENS; tokens += 1) {
      if (!this.#text) this.#at = skipSpace(this.#bytes, this.#at, this.#stop)
      if (this.#at >= this.#stop) break
      if (this.#text) this.#readText(this.#text)
      else this.#token(this.#bytes[this.#at] ?? 0)
    }
    if (this.#at < this.#bytes.length) return false
    if (this.#expected !== 'nothing' || this.#text) throw new ScanStop('json_malformed')
    return true
  }

  #token(byte: number): void {
    switch (this.#expected) {
      case 'value':
      case 'value_or_end':
        if (byte === ARRAY_END && this.#expected === 'value_or_end') this.#close()
        else this.#value(byte)
        return
      case 'key':
      case 'key_or_end':
        this.#keyOrEnd(byte)
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
    if (container && !container.keys) this.#place = container.place
    if (byte === OBJECT || byte === ARRAY) {
      this.#begin(byte)
      return
    }
    if (byte === QUOTE) {
      this.#beginText(false)
      return
    }
    const from = this.#at
    this.#at = this.#checked(endOfScalar(this.#bytes, from))
    this.#endValue(from)
  }

  #endValue(from: number): void {
    this.#visitor.value(this.#place, this.#reader(from, this.#at))
    this.#expected = this.#open.length === 0 ? 'nothing' : 'comma_or_end'
  }

  #begin(byte: number): void {
    if (this.#open.length >= MAX_DEPTH) throw new ScanStop('json_too_deep')
    this.#visitor.value(this.#place, undefined)
    const keys = byte === OBJECT ? new Set<string>() : undefined
    const place = keys ? this.#place : this.#visitor.element(this.#place)
    this.#open.push({ place, keys })
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
    if (byte !== COMMA) throw new ScanStop('json_malformed')
    this.#expected = isObject ? 'key' : 'value'
    this.#at += 1
  }

  #keyOrEnd(byte: number): void {
    if (byte === OBJECT_END && this.#expected === 'key_or_end') this.#close()
    else if (byte === QUOTE) this.#beginText(true)
    else throw new ScanStop('json_malformed')
  }

  #endKey(from: number): void {
    const container = this.#open.at(-1)
    if (this.#at - from > MAX_KEY_BYTES) throw new ScanStop('json_key_too_long')
    this.#keyCount += 1
    if (this.#keyCount > MAX_KEYS) throw new ScanStop('json_too_many_keys')
    const key = this.#reader(from, this.#at)()
    if (!container?.keys || container.keys.has(key)) throw new ScanStop('json_duplicate_key')
    container.keys.add(key)
    this.#at = skipSpace(this.#bytes, this.#at, this.#bytes.length)
    if (this.#bytes[this.#at] !== COLON) throw new ScanStop('json_malformed')
    this.#at += 1
    this.#place = this.#visitor.member(container.place, key)
    this.#expected = 'value'
  }

  #beginText(isKey: boolean): void {
    this.#text = { from: this.#at, isKey }
    this.#at += 1
  }

  /** Reads to the closing quote, or to the end of the slice. */
  #readText({ from, isKey }: { readonly from: number; readonly isKey: boolean }): void {
    this.#at = this.#checked(endOfText(this.#bytes, this.#at, this.#stop))
    if (this.#at >= this.#stop) return
    this.#at += 1
    this.#text = undefined
    if (isKey) this.#endKey(from)
    else this.#endValue(from)
  }

  #checked(end: number): number {
    if (end < 0) throw new ScanStop('json_malformed')
    return end
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
