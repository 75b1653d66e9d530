/**
 * CONNECT through a proxy of the operator's network (RFC 9110 9.3.6): the head of its answer is
 * read strictly and within bounds, and nothing may follow it before we speak.
 */

import type { Socket } from 'node:net'
import { Failure } from '../base/errors.ts'

export interface Tunnel {
  /** A connection to the proxy; nothing was sent on it yet. */
  readonly socket: Socket
  /** `HOST:PORT`, an IPv6 address in brackets. */
  readonly authority: string
  /** Value of Proxy-Authorization. */
  readonly authorization: string | undefined
  readonly signal: AbortSignal
}

const MAX_HEAD_BYTES = 8 * 1024
const STATUS_LINE = /^HTTP\/1\.[01] (?<status>[1-9]\d{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/
const FIELD_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/

/** Resolves when the socket is a way to the authority; otherwise throws, and the socket is destroyed. */
export async function openTunnel(tunnel: Tunnel): Promise<void> {
  const { socket, authority, authorization } = tunnel
  try {
    const lines = [
      `CONNECT ${authority} HTTP/1.1`,
      `Host: ${authority}`,
      ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const { head, isAlone } = await readHead(tunnel)
    refuseStatus(readStatus(head))
    // The upstream speaks only after us: what comes early is the proxy's own invention.
    if (!isAlone) throw malformed()
  } catch (error) {
    socket.destroy()
    throw error
  }
}

interface Head {
  /** One character per byte, without the empty line at its end. */
  readonly head: string
  /** Whether nothing came behind it so far. */
  readonly isAlone: boolean
}

function readHead({ socket, signal }: Tunnel): Promise<Head> {
  return new Promise((resolve, reject) => {
    let head = ''
    const settle = (act: () => void): void => {
      socket.pause()
      socket.off('data', onData).off('error', onError).off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const fail = (error: Error): void => {
      settle(() => {
        reject(error)
      })
    }
    const onData = (chunk: Buffer): void => {
      const from = Math.max(0, head.length - 3)
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n', from)
      if (end < 0 && head.length <= MAX_HEAD_BYTES) return
      if (end < 0) fail(malformed())
      else
        settle(() => {
          resolve({ head: head.slice(0, end), isAlone: end + 4 === head.length })
        })
    }
    const onError = (error: Error): void => {
      fail(error)
    }
    const onClose = (): void => {
      fail(new Failure('upstream_unreachable', 'the upstream proxy closed the connection'))
    }
    const onAbort = (): void => {
      fail(new Error('aborted'))
    }
    socket.on('data', onData).once('error', onError).once('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

function readStatus(head: string): number {
  const [first = '', ...fields] = head.split('\r\n')
  const status = STATUS_LINE.exec(first)?.groups?.status
  if (status === undefined || !fields.every((line) => FIELD_LINE.test(line))) throw malformed()
  return Number(status)
}

function refuseStatus(status: number): void {
  if (status === 200) return
  const why =
    status === 407 ? 'asks for another credential (status 407)' : `answered with status ${status}`
  throw new Failure('upstream_unreachable', `the upstream proxy ${why}`)
}

function malformed(): Failure {
  return new Failure('upstream_unreachable', 'the upstream proxy did not answer in valid HTTP')
}
