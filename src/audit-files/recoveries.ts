/** What a writer's signed `recovery` records say that the server itself found wrong with its log. */

import type { Glance } from '../audit/glance.ts'
import { fileFinding, type Finding } from './finding.ts'
import { membersOf, parsed } from './record-members.ts'

/** A segment that was not there any more while the server ran. */
export interface LostSegment {
  /** Number of the record that says so. */
  readonly seq: number
  readonly name: string
}

const FOUND: Readonly<Record<string, string>> = {
  changed: 'records that it had signed for had been changed or removed',
  unknown: 'its records were not those that it had signed for, and nothing told which were others',
  added: 'records had been added behind the last one that it had signed before it stopped',
  unsigned: 'its newest records had been written without a signature for too long',
}

export class Recoveries {
  readonly #writer: string
  readonly findings: Finding[] = []
  readonly lost: LostSegment[] = []

  constructor(writer: string) {
    this.#writer = writer
  }

  /** A record that may be one; `leaf` has a byte before the line. */
  take({ kind, sequence }: Glance, leaf: Buffer): void {
    if (kind !== 'recovery') return
    const { lost, checkpoint } = membersOf(membersOf(parsed(leaf)).details)
    if (typeof lost === 'string') this.lost.push({ seq: sequence, name: lost })
    if (checkpoint !== undefined) this.#tell(sequence, membersOf(checkpoint))
  }

  #tell(seq: number, { size, records, note }: Readonly<Record<string, unknown>>): void {
    const found = FOUND[String(records)] ?? `its note "checkpoint" was ${String(note)}`
    const message = `record ${seq} says that the server itself noticed it at a start: ${found} (signed: ${String(size)} records)`
    this.findings.push({ ...fileFinding('reported', { writer: this.#writer }, message), seq })
  }
}
