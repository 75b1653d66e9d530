/**
 * Opens a TCP connection to the first of several checked addresses that answers (RFC 8305):
 * families alternate, a next attempt starts when one fails or takes long, the slower ones go.
 */

import { connect as connectSocket, type Socket } from 'node:net'

export interface Endpoint {
  readonly address: string
  readonly family: 4 | 6
}

export interface Connecting {
  /** At least one; no name is resolved here. */
  readonly endpoints: readonly Endpoint[]
  readonly port: number
  readonly signal: AbortSignal
  /** How long an attempt has before the next address is tried beside it. */
  readonly attemptDelayMs: number
}

/** Rejects with the first attempt's error when all have failed, or with the signal's reason. */
export function connectFirst(connecting: Connecting): Promise<Socket> {
  return new Promise((resolve, reject) => {
    new Race(connecting, resolve, reject).run()
  })
}

class Race {
  readonly #connecting: Connecting
  readonly #waiting: Endpoint[]
  readonly #attempts = new Set<Socket>()
  readonly #resolve: (socket: Socket) => void
  readonly #reject: (error: unknown) => void
  readonly #onAbort = (): void => {
    this.#lose(this.#connecting.signal.reason)
  }
  #timer: NodeJS.Timeout | undefined
  #firstError: unknown
  #isOver = false

  constructor(
    connecting: Connecting,
    resolve: (socket: Socket) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connecting = connecting
    this.#waiting = alternate(connecting.endpoints)
    this.#resolve = resolve
    this.#reject = reject
  }

  run(): void {
    const { signal } = this.#connecting
    if (signal.aborted) {
      this.#lose(signal.reason)
      return
    }
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#tryNext()
  }

  #tryNext(): void {
    clearTimeout(this.#timer)
    const endpoint = this.#waiting.shift()
    if (endpoint === undefined) return
    const { port, attemptDelayMs } = this.#connecting
    const socket = connectSocket({ host: endpoint.address, port, family: endpoint.family })
    this.#attempts.add(socket)
    socket.once('connect', () => {
      this.#win(socket)
    })
    socket.once('error', (error) => {
      this.#drop(socket, error)
    })
    this.#timer = setTimeout(() => {
      this.#tryNext()
    }, attemptDelayMs)
  }

  #drop(socket: Socket, error: unknown): void {
    if (this.#isOver) return
    this.#attempts.delete(socket)
    this.#firstError ??= error
    if (this.#waiting.length > 0) this.#tryNext()
    else if (this.#attempts.size === 0) this.#lose(this.#firstError)
  }

  #win(socket: Socket): void {
    if (this.#isOver) return
    this.#attempts.delete(socket)
    this.#end()
    // Until its next owner listens, an error would end the process.
    socket.on('error', () => undefined)
    this.#resolve(socket)
  }

  #lose(error: unknown): void {
    if (this.#isOver) return
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#connecting.signal.removeEventListener('abort', this.#onAbort)
    for (const socket of this.#attempts) socket.destroy()
  }
}

/** The resolver's order, with the families taking turns, so that a dead one costs one delay. */
function alternate(endpoints: readonly Endpoint[]): Endpoint[] {
  const first = endpoints[0]?.family
  const preferred = endpoints.filter(({ family }) => family === first)
  const others = endpoints.filter(({ family }) => family !== first)
  return preferred.flatMap((endpoint, index) => {
    const other = others[index]
    const tail = index === preferred.length - 1 ? others.slice(index + 1) : []
    return other === undefined ? [endpoint] : [endpoint, other, ...tail]
  })
}
