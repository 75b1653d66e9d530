/** One keep-alive connection of the load: sends a prepared request, counts the answer's bytes. */

import { connect, type Socket } from 'node:net'

/** Hears of each answer; `isGood` is false for anything but 2xx, and for a broken connection. */
export type Answered = (caller: Caller, isGood: boolean) => void

const END = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: *(\d+)/i

export class Caller {
  /** When the request under way was due, in milliseconds of `performance.now`. */
  dueAt = 0
  readonly #socket: Socket
  readonly #answered: Answered
  #head = Buffer.alloc(0)
  #bodyLeft = 0
  #isGood = true
  #isBusy = false
  #isClosed = false

  constructor(port: number, answered: Answered) {
    this.#answered = answered
    this.#socket = open(port, this.#take)
    this.#socket.setNoDelay(true)
    this.#socket.on('error', this.#broken).on('close', this.#broken)
  }

  send(request: Buffer, dueAt: number): void {
    this.dueAt = dueAt
    this.#isBusy = true
    this.#socket.write(request)
    if (this.#isClosed) this.#broken()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroy()
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#bodyLeft > 0) this.#bodyLeft -= chunk.length
    else this.#readHead(chunk)
    if (this.#bodyLeft < 0) throw new Error('more bytes than the answer has')
    if (this.#bodyLeft > 0 || this.#head.length > 0) return
    this.#isBusy = false
    this.#answered(this, this.#isGood)
  }

  #readHead(chunk: Buffer): void {
    const bytes = this.#head.length > 0 ? Buffer.concat([this.#head, chunk]) : chunk
    const end = bytes.indexOf(END)
    if (end < 0) {
      this.#head = Buffer.from(bytes) // the buffer that it came in is used again
      return
    }
    this.#head = Buffer.alloc(0)
    const head = bytes.toString('latin1', 0, end)
    this.#isGood = head.charCodeAt(9) === 0x32 // the 2 of 2xx
    const length = LENGTH.exec(head)?.[1]
    if (length === undefined) throw new Error(`no length in ${head.slice(0, 40)}`)
    this.#bodyLeft = Number(length) - (bytes.length - end - END.length)
  }

  readonly #broken = (): void => {
    this.#isClosed = true
    if (!this.#isBusy) return
    this.#isBusy = false
    this.#answered(this, false)
  }
}

function open(port: number, take: (chunk: Buffer) => void): Socket {
  return connect({
    port,
    host: '127.0.0.1',
    // One buffer for ever: load must not pay for garbage.
    onread: {
      buffer: Buffer.allocUnsafeSlow(256 * 1024),
      callback: (length, buffer) => {
        take((buffer as Buffer).subarray(0, length))
        return true
      },
    },
  })
}
