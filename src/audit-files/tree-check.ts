/**
 * Holds a log's tree to what was signed: at each signed size the records must give the signed root.
 * Where they do not, the hashes tell which record is to blame, if they still give it.
 */

import type { Finding } from './finding.ts'
import { fileFinding, findingOf, frontierFinding } from './finding.ts'
import { LogTrees } from './log-trees.ts'
import type { Place } from './segment-lines.ts'
import { judge, type Suspect } from './suspect.ts'

/** What somebody signed for, or in `frontier` only noted. */
export interface SignedSize {
  readonly size: number
  readonly root: Buffer
  /** For people: which file says so. */
  readonly source: string
}

export interface TreeCheckParts {
  readonly writer: string
  readonly signed: readonly SignedSize[]
  /** Not signed: of use to the journal only. */
  readonly noted: SignedSize | undefined
  /** Name of the file that holds a record, or should. */
  readonly segmentOf: (seq: number) => string | undefined
}

interface Fault {
  readonly signed: SignedSize
  /** The stored hashes are as signed: that record it is, and no other before it. */
  readonly isCertain: boolean
}

export class TreeCheck {
  readonly #parts: TreeCheckParts
  readonly #trees = new LogTrees()
  readonly #signed: SignedSize[]
  readonly #findings: Finding[] = []
  #suspect: Suspect | undefined
  #fault: Fault | undefined
  #agreed = 0
  /** The largest one below that. */
  #agreedBefore = 0
  #isNoteWrong = false

  constructor(parts: TreeCheckParts) {
    this.#parts = parts
    this.#signed = [...parts.signed].sort((one, other) => one.size - other.size)
    this.#settle()
  }

  /** The largest signed size that the records agree with. */
  get agreed(): number {
    return this.#agreed
  }

  get suspect(): Suspect | undefined {
    return this.#suspect
  }

  /** The first one counts. */
  accuse(suspect: Suspect): void {
    this.#suspect ??= suspect
  }

  report(finding: Finding): void {
    this.#findings.push(finding)
  }

  /** The next record: its hash as the line has it, and as it was stored. */
  append(line: Buffer | undefined, stored: Buffer | undefined): void {
    this.#trees.append(line, stored)
    this.#settle()
  }

  /** So many records of which nothing is there. */
  skip(count: number): void {
    this.#trees.skip(count)
    this.#settle()
  }

  /** What was found; `end` is where the log's next record would stand. */
  finish(end: Place | undefined): readonly Finding[] {
    const { noted } = this.#parts
    const longest = this.#signed.at(-1)
    if (longest && end) this.#accuseEnd(longest, end)
    if (this.#fault || this.#suspect) this.#findings.push(this.#blame())
    else if (this.#isNoteWrong || (noted && noted.size > this.#trees.size))
      this.#findings.push(this.#noteFinding())
    return this.#findings
  }

  /** What is left was signed for more records than there are. */
  #accuseEnd(longest: SignedSize, place: Place): void {
    const { size } = this.#trees
    const missing = { place, line: undefined, isFoundLater: false, isAtEnd: true }
    if (!this.#suspect && !this.#fault) {
      this.#suspect = { ...missing, seq: size + 1, through: longest.size }
      this.#fault = { signed: longest, isCertain: true }
    } else if (this.#suspect?.isAtEnd === true && !this.#fault)
      this.#suspect = { ...this.#suspect, through: longest.size }
  }

  #settle(): void {
    const { size } = this.#trees
    const { noted } = this.#parts
    for (let next = this.#signed[0]; next && next.size <= size; next = this.#signed[0]) {
      this.#signed.shift()
      this.#compare(next)
    }
    if (noted?.size === size) this.#isNoteWrong = this.#trees.whichHas(noted.root) === undefined
  }

  #compare(signed: SignedSize): void {
    if (this.#fault) return
    // Between two sizes a gap was skipped: nothing tells what the root was there.
    const found = signed.size === this.#trees.size ? this.#trees.whichHas(signed.root) : undefined
    if (found === 'records') this.#agree(signed)
    else this.#fault = { signed, isCertain: found === 'stored' && this.#suspect !== undefined }
  }

  #agree({ size, source }: SignedSize): void {
    if (size > this.#agreed) this.#agreedBefore = this.#agreed
    this.#agreed = size
    if (this.#suspect) this.#findings.push(this.#excess(this.#suspect, { size, source }))
    this.#suspect = undefined
    this.#trees.trustRecords()
  }

  /** What is too much beside records that are all as they were signed: a line, or a hash that says otherwise. */
  #excess(
    suspect: Suspect,
    { size, source }: { readonly size: number; readonly source: string },
  ): Finding {
    if (suspect.line?.isBeyond === true) return this.#judged(suspect)
    const { writer } = this.#parts
    const { seq } = suspect
    const segment = this.#parts.segmentOf(seq)?.replace('.jsonl', '.hashes')
    const message = `the hash of record ${seq} (${segment ?? ''}) was changed; the record itself is as it was signed (${source}, ${size} records)`
    return { ...fileFinding('hashes', { writer, segment }, message), seq }
  }

  #blame(): Finding {
    if (!this.#suspect) return this.#rewritten()
    const isCertain = this.#fault?.isCertain === true
    const doubt = isCertain ? '' : `; ${this.#doubt(this.#suspect.seq)}`
    return this.#judged(this.#suspect, { isCertain, doubt })
  }

  #judged(suspect: Suspect, { isCertain, doubt } = { isCertain: true, doubt: '' }): Finding {
    const { writer } = this.#parts
    const { seq, place } = suspect
    const { kind, words, through } = judge(suspect)
    return findingOf(kind, { writer, seq, through, place, isCertain }, words + doubt)
  }

  #doubt(seq: number): string {
    if (!this.#fault) return 'no signed checkpoint covers it'
    const { size, source } = this.#fault.signed
    const others = seq > this.#agreed + 1 ? `, and others from ${this.#agreed + 1} on may be` : ''
    return `the stored hashes do not give the signed root either (${source}, ${size} records)${others}`
  }

  /** Every record is what its hash says, and still they are not those that were signed for. */
  #rewritten(): Finding {
    const { writer, segmentOf } = this.#parts
    const { size = 0, source = '' } = this.#fault?.signed ?? {}
    // Two may be signed for as many records and not for the same ones.
    const seq = (this.#agreed < size ? this.#agreed : this.#agreedBefore) + 1
    const segment = segmentOf(seq)
    const words = `not those that were signed for (${source}, ${size} records): at least one was changed, and its hash with it; ${segment ?? 'none'} is the first segment that can hold it`
    const finding = findingOf('rewritten', { writer, seq, through: size, isCertain: false }, words)
    return { ...finding, ...(segment !== undefined && { segment }) }
  }

  #noteFinding(): Finding {
    const words =
      '"frontier" does not fit the records, which are as they were signed: it was changed'
    return frontierFinding(this.#parts.writer, words)
  }
}
