/** Any value as bounded JSON: for the parts of a record whose shape is not fixed. */

import { hideCredentials } from './credential-shapes.ts'
import { quote } from './text.ts'

export interface ValueLimits {
  /** Characters of JSON after which nothing more is added. */
  readonly size: number
  /** Characters of one string. */
  readonly text: number
}

const DEPTH_LIMIT = 8
const ENTRIES_LIMIT = 64

/** What stands for a part that a limit left out. */
const LEFT_OUT = '"[left out]"'

/**
 * JSON for `value`, always valid and on one line. What is too deep, too long or too much is marked
 * and left out; what JSON cannot say becomes null; anything like a credential is replaced.
 */
export function formatValue(value: unknown, limits: ValueLimits): string {
  return new ValueWriter(limits).write(value, 0)
}

class ValueWriter {
  readonly #limits: ValueLimits
  #room: number

  constructor(limits: ValueLimits) {
    this.#limits = limits
    this.#room = limits.size
  }

  write(value: unknown, depth: number): string {
    if (typeof value === 'object' && value !== null) return this.#writeNested(value, depth)
    const text = this.#scalar(value)
    this.#room -= text.length
    return this.#room < 0 ? LEFT_OUT : text
  }

  #scalar(value: unknown): string {
    if (typeof value === 'string') return quote(hideCredentials(value), this.#limits.text)
    if (typeof value === 'boolean') return value ? 'true' : 'false'
    return typeof value === 'number' && Number.isFinite(value) ? String(value) : 'null'
  }

  #writeNested(value: object, depth: number): string {
    if (depth >= DEPTH_LIMIT || this.#room <= 0) return LEFT_OUT
    if (Array.isArray(value)) return this.#writeArray(value, depth)
    return this.#writeObject(value, depth)
  }

  #writeArray(items: readonly unknown[], depth: number): string {
    const kept = items.slice(0, ENTRIES_LIMIT).map((item) => this.write(item, depth + 1))
    if (items.length > kept.length) kept.push(`"[+${items.length - kept.length}]"`)
    return '[' + kept.join(',') + ']'
  }

  #writeObject(value: object, depth: number): string {
    let text = ''
    let count = 0
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue
      if (++count > ENTRIES_LIMIT || this.#room <= 0) return `{${text}"[more]":true}`
      const label = quote(hideCredentials(name), this.#limits.text)
      this.#room -= label.length
      text += label + ':' + this.write(member, depth + 1) + ','
    }
    return '{' + text.slice(0, -1) + '}'
  }
}
