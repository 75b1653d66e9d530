/** Gives lines their sequence numbers, as bytes, and knows where each of them ends. */

const NEWLINE = 0x0a

/** Where a line without its number names its kind: behind `"time":"<24 characters>","kind":"`. */
const KIND_AT = 42
const KIND = { intent: 0x69, outcome: 0x6f } as const
const QUOTE = 0x22
const REQUEST_ID_AT = '","requestId":"'.length

/** More than `{"seq":9007199254740991,` takes. */
const OPENING_BYTES = 32

const FIRST_ROOM = 64 * 1024

/** Used again for each batch: what it gives is valid until the next `begin`. */
export class NumberedLines {
  #room = Buffer.alloc(FIRST_ROOM)
  /** The byte before a line is free or its predecessor's newline: a leaf's hash begins with it. */
  #end = 1
  #ends: number[] = []
  #kinds: number[] = []
  #next = 0

  begin(next: number): void {
    this.#end = 1
    this.#ends = []
    this.#kinds = []
    this.#next = next
  }

  /** Whole lines, each with its newline. */
  add(lines: Buffer): void {
    let start = 0
    for (let end = lines.indexOf(NEWLINE); end !== -1; end = lines.indexOf(NEWLINE, start)) {
      this.#addLine(lines, start, end + 1)
      start = end + 1
    }
  }

  get count(): number {
    return this.#ends.length
  }

  /** As they stand in the segment. */
  get bytes(): Buffer {
    return this.#room.subarray(1, this.#end)
  }

  /** Each line without its newline, behind a byte of zero: what RFC 6962 hashes as a leaf. */
  *leaves(): Generator<Buffer> {
    let start = 0
    for (const end of this.#ends) {
      this.#room[start] = 0
      yield this.#room.subarray(start, end - 1)
      this.#room[start] = NEWLINE
      start = end - 1
    }
  }

  /** Which requests the lines open and close. */
  follow(open: Set<string>): void {
    for (const at of this.#kinds) {
      const kind = this.#room[at]
      if (kind === KIND.intent) open.add(this.#requestId(at + 'intent'.length))
      else if (kind === KIND.outcome) open.delete(this.#requestId(at + 'outcome'.length))
    }
  }

  #requestId(kindEnd: number): string {
    const start = kindEnd + REQUEST_ID_AT
    return this.#room.toString('latin1', start, this.#room.indexOf(QUOTE, start))
  }

  #addLine(lines: Buffer, start: number, end: number): void {
    this.#reserve(OPENING_BYTES + end - start)
    const opening = `{"seq":${this.#next + this.#ends.length},`
    this.#end += this.#room.write(opening, this.#end, 'latin1')
    this.#kinds.push(this.#end + KIND_AT)
    this.#end += lines.copy(this.#room, this.#end, start, end)
    this.#ends.push(this.#end)
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#room.length) return
    const room = Buffer.alloc(2 * (this.#end + bytes))
    this.#room.copy(room, 0, 0, this.#end)
    this.#room = room
  }
}
