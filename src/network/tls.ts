/**
 * TLS to upstreams: 1.2 or newer, the certificate verified against the public roots or the
 * operator's own, the name taken from the subject alternative names only. No setting weakens it,
 * nor does NODE_TLS_REJECT_UNAUTHORIZED. Sessions are resumed with the same peer only, for the
 * same name, under the same roots.
 */

import { isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as startTls,
  createSecureContext,
  type ConnectionOptions,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { createSessionCache } from './session-cache.ts'

export interface Handshake {
  readonly socket: Socket
  /** `HOST:PORT`: sessions are taken up again with the same one only. */
  readonly peer: string
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
  const sessions = createSessionCache(() => performance.now())
  return async (handshake) => {
    const { peer, servername, ca } = handshake
    const key = JSON.stringify([peer, servername, ca])
    const kept = sessions.take(key)
    const session = kept && { session: kept.session }
    const secured = startTls({ ...optionsFor(handshake), ...session })
    const trust = keepSessions(secured, (offered) => {
      sessions.put(key, offered)
    })
    await untilSecure(secured, handshake)
    trust()
    if (kept && secured.isSessionReused()) sessions.restore(key, kept)
    return secured
  }

  function optionsFor({ socket, servername, ca }: Handshake): ConnectionOptions {
    return {
      socket,
      secureContext: contextFor(ca, contexts),
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      // RFC 6066 3: an address is no server name.
      servername: isIP(servername) === 0 ? servername : '',
      checkServerIdentity: (_host, certificate) => verifyName(servername, certificate),
    }
  }
}

/**
 * Keeps what the peer offers from the moment that the returned function is called: sessions of
 * TLS 1.2 come before the certificate was verified, and must not outlive its refusal.
 */
function keepSessions(secured: TLSSocket, keep: (session: Buffer) => void): () => void {
  const held: Buffer[] = []
  const hold = (session: Buffer): void => void held.push(session)
  secured.on('session', hold)
  return () => {
    for (const session of held) keep(session)
    secured.off('session', hold).on('session', keep)
  }
}

function untilSecure(secured: TLSSocket, { socket, signal }: Handshake): Promise<void> {
  return new Promise((resolve, reject) => {
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
      settle(resolve)
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
