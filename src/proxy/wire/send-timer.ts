/** Ends a connection whose peer takes nothing of what is sent; any progress starts the time anew. */

import type { Socket } from 'node:net'

export class SendTimer {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #isOn = false

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.on('timeout', () => socket.destroy())
    const stop = (): void => {
      this.stop()
    }
    socket.on('drain', stop).on('finish', stop)
  }

  /** Everything was given to the socket, and not all of it has left. */
  get isUnderWay(): boolean {
    const { writableEnded, writableFinished } = this.#socket
    return writableEnded && !writableFinished
  }

  /** Called now and then: a timer costs something, and few connections are ever blocked. */
  check(): void {
    if (this.#isOn || !(this.#socket.writableNeedDrain || this.isUnderWay)) return
    this.#isOn = true
    this.#socket.setTimeout(this.#timeoutMs) // which looks at the bytes the system still holds
  }

  stop(): void {
    if (this.#isOn) this.#socket.setTimeout(0)
    this.#isOn = false
  }
}
