/** What signed records say of segments that retention removed: up to which number, for each writer. */

import type { Glance } from '../audit/glance.ts'

const ACTION = '"action":"audit.retire"'

export class Retirements {
  readonly #through = new Map<string, number>()

  /** A record that may be about one; `leaf` has a byte before the line. */
  take({ kind }: Glance, leaf: Buffer): void {
    if (kind !== 'change' || !leaf.includes(ACTION)) return
    const { action, target, details } = membersOf(parsed(leaf.toString('utf8', 1)))
    const { last } = membersOf(details)
    // The words may stand elsewhere in a record too.
    if (action !== 'audit.retire' || typeof target !== 'string' || typeof last !== 'number') return
    this.#through.set(target, Math.max(last, this.through(target)))
  }

  /** 0: nothing says that anything of this writer was retired. */
  through(writer: string): number {
    return this.#through.get(writer) ?? 0
  }
}

/** Undefined for what only looks like a record. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
