/**
 * TLS to upstreams: 1.2 or newer, the certificate verified against the public roots or the
 * operator's own, the name taken from the subject alternative names only. No setting weakens it,
 * nor does NODE_TLS_REJECT_UNAUTHORIZED.
 */

import { isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as startTls,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'

export interface Handshake {
  readonly socket: Socket
  /** Name that the certificate must carry. */
  readonly servername: string
  /** PEM certificates to trust instead of the public roots. */
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

/** Rejects with Node's error, or when the signal aborts; the socket is destroyed then. */
export type Secure = (handshake: Handshake) => Promise<Socket>

export function createSecure(): Secure {
  const contexts = new Map<string | undefined, SecureContext>()
  return (handshake) => shakeHands(handshake, contextFor(handshake.ca, contexts))
}

function shakeHands(
  { socket, servername, signal }: Handshake,
  secureContext: SecureContext,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = startTls({
      socket,
      secureContext,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      // RFC 6066 3: an address is no server name.
      servername: isIP(servername) === 0 ? servername : '',
      checkServerIdentity: (_host, certificate) => verifyName(servername, certificate),
    })
    // Kept for good: between here and the pool's own listener an error would end the process.
    secured.on('error', () => undefined)
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      secured.off('error', fail).off('secureConnect', succeed)
      act()
    }
    const fail = (error: Error): void => {
      settle(() => {
        secured.destroy()
        socket.destroy()
        reject(error)
      })
    }
    const succeed = (): void => {
      settle(() => {
        resolve(secured)
      })
    }
    const onAbort = (): void => {
      fail(new Error('aborted'))
    }
    secured.once('error', fail).once('secureConnect', succeed)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

/** RFC 9525 leaves the common name out of it; Node would fall back to it, so it is taken away. */
function verifyName(servername: string, certificate: PeerCertificate): Error | undefined {
  const subject = { ...certificate.subject, CN: '' }
  return checkServerIdentity(servername, { ...certificate, subject })
}

const MAX_CONTEXTS = 64

/** Contexts are costly to make, and there is one per set of roots. */
function contextFor(
  ca: string | undefined,
  contexts: Map<string | undefined, SecureContext>,
): SecureContext {
  const known = contexts.get(ca)
  if (known !== undefined) return known
  const context = createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) })
  if (contexts.size >= MAX_CONTEXTS) contexts.clear()
  contexts.set(ca, context)
  return context
}
