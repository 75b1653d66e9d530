/** Requests as bytes, and answers as they came: what no HTTP library would send or show. */

import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Lower-case names; several values are joined with ", ". */
  readonly headers: ReadonlyMap<string, string>
  readonly head: string
  /** With its chunked framing, if it has one. */
  readonly body: string
}

/** Sends latin-1 text and reads until the connection ends, or until one answer is complete. */
export async function exchangeRaw(port: number, request: string): Promise<RawAnswer> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connectRaw(port, request)
    const finish = () => {
      socket.destroy()
      resolve(Buffer.concat(chunks))
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (isComplete(Buffer.concat(chunks).toString('latin1'), request)) finish()
    })
    socket.on('close', finish)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') finish()
      else reject(error)
    })
  })
  return parseAnswer(bytes.toString('latin1'))
}

/** Small pieces leave as they are written, each in a segment of its own. */
function connectRaw(port: number, request: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () =>
    socket.write(request, 'latin1'),
  )
  return socket
}

/** An open connection whose bytes are collected as they arrive. */
export interface RawConnection {
  readonly socket: Socket
  readonly text: string
  /** Resolves once the text so far holds this; rejects when the connection ends before. */
  until(part: string): Promise<void>
  readonly closed: Promise<void>
}

export function openRaw(port: number, request: string): RawConnection {
  const socket = connectRaw(port, request)
  const state = { text: '', ended: false }
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const ask of waiting) ask()
  }
  socket.on('data', (chunk: Buffer) => {
    state.text += chunk.toString('latin1')
    wake()
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      state.ended = true
      wake()
      resolve()
    })
  })
  return {
    socket,
    closed,
    get text() {
      return state.text
    },
    until: (part) =>
      new Promise<void>((resolve, reject) => {
        const ask = () => {
          if (state.text.includes(part)) resolve()
          else if (state.ended) reject(new Error(`ended without it: ${state.text.slice(0, 200)}`))
          else return
          waiting.delete(ask)
        }
        waiting.add(ask)
        ask()
      }),
  }
}

/** A request in text: a line, headers, and an empty line. */
export function requestText(line: string, headers: readonly string[], body = ''): string {
  return [`${line} HTTP/1.1`, ...headers, '', body].join('\r\n')
}

export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const head = end < 0 ? text : text.slice(0, end)
  const [first = '', ...lines] = head.split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)!}, ${value}` : value)
  }
  const body = end < 0 ? '' : text.slice(end + 4)
  return { status: Number(first.split(' ')[1] ?? 0), headers, head, body }
}

function isComplete(text: string, request: string): boolean {
  const { status, headers, head, body } = parseAnswer(text)
  if (!text.includes('\r\n\r\n') || status < 200) return false
  if (request.startsWith('HEAD ')) return true
  if (/^transfer-encoding: chunked/im.test(head)) return body.endsWith('0\r\n\r\n')
  const length = headers.get('content-length')
  return length !== undefined && body.length >= Number(length)
}
