/**
 * What the journal and its writer's thread share: one batch of lines at a time, who has it, and a
 * few figures. Memory that both see costs a copy; a message would cost a wake of the event loop.
 */

/** Who has the last word on a batch: the writer once it is on disk, the journal when that takes too long. */
const State = { idle: 0, posted: 1, written: 2, abandoned: 3 } as const

const Word = {
  ...{ state: 0, wake: 1, order: 2, length: 3, isBusy: 4 },
  /** How many there were; the lengths of the even and the odd one. */
  ...{ checkpoints: 5, even: 6, odd: 7 },
} as const
const Figure = { time: 0, records: 1, bytes: 2, ahead: 3 } as const

const HEAD_BYTES = 1024
const SLOT_BYTES = 2048
const SLOTS_AT = HEAD_BYTES
const TEXT_AT = SLOTS_AT + 2 * SLOT_BYTES

/** Characters of a batch after which another one begins. One line more than that always fits. */
export const BATCH_CHARACTERS = 512 * 1024
const BYTES_PER_CHARACTER = 3
const TEXT_BYTES = 2 * BATCH_CHARACTERS * BYTES_PER_CHARACTER

/** `repair` takes back what a failure left; only then can the next `write` succeed. */
const ORDERS = ['write', 'repair', 'close'] as const
export type Order = (typeof ORDERS)[number]

/** Lines without their number, each with its newline. */
export interface Batch {
  readonly text: string
  /** The writing clock, epoch milliseconds. */
  readonly time: number
  /** It follows the one before without a pause. */
  readonly isBusy: boolean
}

const NOTHING: Batch = { text: '', time: 0, isBusy: false }

export interface Letter {
  readonly order: Order
  readonly lines: Buffer
  readonly time: number
  readonly isBusy: boolean
}

/** As of the last commit. */
export interface Figures {
  /** Written so far by this writer. */
  readonly records: number
  /** Bytes that the last commit added to the files. */
  readonly bytes: number
  /** Bytes of zeros behind the newest record, for the next ones. */
  readonly ahead: number
}

export function createSharedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(TEXT_AT + TEXT_BYTES)
}

export class Mailbox {
  readonly #words: Int32Array
  readonly #figures: Float64Array
  readonly #text: Buffer
  readonly #slots: readonly Buffer[]

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEAD_BYTES / 8)
    this.#figures = new Float64Array(memory, HEAD_BYTES / 2, HEAD_BYTES / 16)
    this.#text = Buffer.from(memory, TEXT_AT)
    this.#slots = [SLOTS_AT, SLOTS_AT + SLOT_BYTES].map((at) => Buffer.from(memory, at, SLOT_BYTES))
  }

  // The journal's side.

  /** Only when the batch before has been answered. */
  post(order: Order, { text, time, isBusy }: Batch = NOTHING): void {
    const words = this.#words
    words[Word.length] = this.#text.write(text, 0, 'utf8')
    words[Word.order] = ORDERS.indexOf(order)
    words[Word.isBusy] = Number(isBusy)
    this.#figures[Figure.time] = time
    Atomics.store(words, Word.state, State.posted)
    Atomics.add(words, Word.wake, 1)
    Atomics.notify(words, Word.wake)
  }

  /** The batch shall not count any more. False when it is on disk already, and counts. */
  abandon(): boolean {
    return this.#settle(State.abandoned)
  }

  get isWritten(): boolean {
    return Atomics.load(this.#words, Word.state) === State.written
  }

  get figures(): Figures {
    const [, records = 0, bytes = 0, ahead = 0] = this.#figures
    return { records, bytes, ahead }
  }

  get checkpoint(): string | undefined {
    for (;;) {
      const count = Atomics.load(this.#words, Word.checkpoints)
      if (count === 0) return undefined
      const slot = count % 2
      const text = this.#slots[slot]?.toString('utf8', 0, this.#words[Word.even + slot])
      // Otherwise the slot may have been written anew under our eyes.
      if (count === Atomics.load(this.#words, Word.checkpoints)) return text
    }
  }

  // The writer's side.

  get hasLetter(): boolean {
    return Atomics.load(this.#words, Word.state) === State.posted
  }

  /** Blocks until there is something to do; undefined when `timeoutMs` passed without. */
  await(timeoutMs: number): Letter | undefined {
    const words = this.#words
    const seen = Atomics.load(words, Word.wake)
    if (!this.hasLetter && timeoutMs > 0) Atomics.wait(words, Word.wake, seen, timeoutMs)
    if (!this.hasLetter) return undefined
    const order = ORDERS[words[Word.order] ?? 0] ?? 'close'
    const lines = this.#text.subarray(0, words[Word.length])
    const time = this.#figures[Figure.time] ?? 0
    return { order, lines, time, isBusy: words[Word.isBusy] === 1 }
  }

  /** What is on disk now counts, unless the journal has given it up: then false. */
  claim({ records, bytes, ahead }: Figures): boolean {
    this.#figures.set([records, bytes, ahead], Figure.records)
    return this.#settle(State.written)
  }

  /** The letter came to nothing. */
  release(): void {
    this.#settle(State.idle)
  }

  publish(checkpoint: string): void {
    const count = Atomics.load(this.#words, Word.checkpoints) + 1
    const slot = count % 2
    this.#words[Word.even + slot] = this.#slots[slot]?.write(checkpoint) ?? 0
    Atomics.store(this.#words, Word.checkpoints, count)
  }

  #settle(state: number): boolean {
    return Atomics.compareExchange(this.#words, Word.state, State.posted, state) === State.posted
  }
}
