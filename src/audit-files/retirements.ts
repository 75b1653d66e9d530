/**
 * What signed records say of segments that retention removed: up to which number, for each writer. What
 * they leave out between two of them was not removed by retention. The first one may follow others
 * that were retired themselves.
 */

import type { Glance } from '../audit/glance.ts'
import { membersOf, parsed } from './record-members.ts'

const ACTION = '"action":"audit.retire"'

export class Retirements {
  readonly #through = new Map<string, number>()

  /** A record that may be about one; `leaf` has a byte before the line. */
  take({ kind }: Glance, leaf: Buffer): void {
    if (kind !== 'change' || !leaf.includes(ACTION)) return
    const { action, target, details } = membersOf(parsed(leaf))
    const { first, last } = membersOf(details)
    // The words may stand elsewhere in a record too.
    if (action !== 'audit.retire' || typeof target !== 'string' || typeof last !== 'number') return
    const through = this.through(target)
    if (through > 0 && typeof first === 'number' && first > through + 1) return
    this.#through.set(target, Math.max(last, through))
  }

  /** 0: nothing says that anything of this writer was retired. */
  through(writer: string): number {
    return this.#through.get(writer) ?? 0
  }
}
