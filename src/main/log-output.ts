/**
 * Where the lines of the log go. What cannot be written, because the disk is full or nobody reads,
 * is lost and counted: a log is never a reason to stop serving, or to wait.
 */

import { constants, fstatSync, openSync, writeSync } from 'node:fs'

export interface LogOutput {
  /** A whole line, with its end. Never throws. */
  write(line: string): void
}

export interface LogOutputParts {
  readonly fd: number
  /** The line that says, once lines can be written again, how many could not. */
  readonly wordLoss: (lines: number) => string
}

export function createLogOutput({ fd, wordLoss }: LogOutputParts): LogOutput {
  return new Output(unwaiting(fd), wordLoss)
}

class Output implements LogOutput {
  readonly #fd: number
  readonly #wordLoss: (lines: number) => string
  /** The end of a line of which only the beginning found room. */
  #rest: Buffer = Buffer.alloc(0)
  #lost = 0

  constructor(fd: number, wordLoss: (lines: number) => string) {
    this.#fd = fd
    this.#wordLoss = wordLoss
  }

  write(line: string): void {
    const text = this.#lost > 0 ? this.#wordLoss(this.#lost) + line : line
    if (this.#writeRest() && this.#put(Buffer.from(text))) this.#lost = 0
    else this.#lost++
  }

  #writeRest(): boolean {
    if (this.#rest.length > 0) this.#put(this.#rest)
    return this.#rest.length === 0
  }

  /** False when nothing of it found room. */
  #put(bytes: Buffer): boolean {
    try {
      this.#rest = bytes.subarray(writeSync(this.#fd, bytes))
      return true
    } catch {
      return false
    }
  }
}

/**
 * A pipe or a terminal whose reader has stopped would hold up the whole process. Opened anew it
 * fails instead, and others that have it open wait as before.
 */
function unwaiting(fd: number): number {
  try {
    const kind = fstatSync(fd)
    if (!kind.isFIFO() && !kind.isCharacterDevice()) return fd
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    return fd // closed, somebody else's, or a system without /proc
  }
}
