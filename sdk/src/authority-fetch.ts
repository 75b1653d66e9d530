/**
 * The little of `fetch` that the client needs, over node:https: with a certificate authority of
 * one's own, or with the one certificate that a server is known by.
 */

import { createHash } from 'node:crypto'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Fetch } from './transport.ts'

export interface Trust {
  /** PEM certificates; nothing else is trusted. */
  readonly ca?: string | undefined
  /** SHA-256 of the server's certificate in hex: then this one, whatever its names and dates. */
  readonly certificateSha256?: string | undefined
}

/** Never follows a redirect. */
export function createAuthorityFetch({ ca, certificateSha256: pin }: Trust): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', body, signal } = init
      const headers = Object.fromEntries(new Headers(init.headers))
      const text = typeof body === 'string' ? body : undefined
      if (text !== undefined) headers['content-length'] = String(Buffer.byteLength(text))
      const outgoing = request(url, {
        ...{ method, headers },
        ...(ca === undefined ? {} : { ca }),
        ...(pin === undefined ? {} : pinned(new URL(url), pin, signal)),
        ...(signal ? { signal } : {}),
      })
      outgoing.once('error', reject)
      outgoing.once('response', (incoming) => {
        const status = incoming.statusCode ?? 0
        const isEmpty = status === 204 || status === 304
        if (isEmpty) incoming.resume()
        const stream = isEmpty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>) // the same class at run time
        resolve(new Response(stream, { status, headers: headersOf(incoming.rawHeaders) }))
      })
      outgoing.end(text)
    })
}

type OnSocket = (error: Error | null, socket: TLSSocket) => void

/** The request gets its socket, and so leaves, only when the peer has proved to be the one. */
function pinned({ hostname, port }: URL, pin: string, signal: RequestInit['signal']) {
  return {
    createConnection(_options: unknown, done: OnSocket): undefined {
      const host = hostname.replaceAll(/[[\]]/g, '')
      // Names and dates are not asked, since the handshake proves the key of this very certificate.
      const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false })
      // A request without a socket does not hear its signal.
      const onAbort = () => socket.destroy(signal?.reason as Error) // a TimeoutError or AbortError
      signal?.addEventListener('abort', onAbort, { once: true })
      const fail = (error: Error): void => {
        socket.destroy()
        done(error, socket)
      }
      socket.once('error', fail)
      socket.once('secureConnect', () => {
        socket.off('error', fail).on('error', () => undefined) // until the request listens
        const { raw } = socket.getPeerCertificate()
        if (createHash('sha256').update(raw).digest('hex') === pin) done(null, socket)
        else fail(Object.assign(new Error('another certificate'), { code: 'CERT_NOT_PINNED' }))
      })
    },
  }
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? '', raw[at + 1] ?? '')
  return headers
}
