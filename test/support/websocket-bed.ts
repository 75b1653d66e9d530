/** A data plane before an upstream that speaks WebSocket, with a token for its realtime operation. */

import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type { OutcomeEvent } from '../../src/audit/audit-log.ts'
import { startPlane, type TestPlane } from './data-plane.ts'
import { createAuthority, LOOPBACK_NAMES } from './pki.ts'
import { exchangeRaw, requestText } from './raw-http.ts'
import { startWebSocketUpstream, type WebSocketUpstream } from './websocket-upstream.ts'

export const REALTIME = '/openai/v1/realtime?model=gpt-realtime'

const LINE = `GET ${REALTIME}`

export interface HandshakeParts {
  readonly token: string
  readonly line: string
  /** Further headers. */
  readonly others: readonly string[]
}

export interface BedOptions {
  /** Whether the upstream takes the offer to compress. */
  readonly perMessageDeflate?: boolean
  /** Whether clients come by TLS. */
  readonly isSecure?: boolean
  /** Whether requests may leave before their records. */
  readonly auditsBeforeResponse?: boolean
}

export interface WebSocketBed {
  readonly upstream: WebSocketUpstream
  readonly plane: TestPlane
  readonly token: string
  /** A client of the `ws` package, on its way. */
  open(protocols?: string[], headers?: Readonly<Record<string, string>>): WebSocket
  /** The bytes of a handshake. */
  handshake(parts?: Partial<HandshakeParts>): string
  /** The one outcome that there will be. */
  outcome(): Promise<OutcomeEvent>
  /** Lets the event loop that moves everything else go round: what has come by then was read. */
  turns(count: number): Promise<void>
  stop(): Promise<void>
}

export async function startWebSocketBed(
  key: string,
  { perMessageDeflate = false, isSecure = false, auditsBeforeResponse = false }: BedOptions = {},
): Promise<WebSocketBed> {
  const upstream = await startWebSocketUpstream({ perMessageDeflate })
  const authority = createAuthority()
  const tls = isSecure ? { tls: authority.issue({ names: LOOPBACK_NAMES }) } : {}
  const plane = await startPlane({
    services: ['openai'],
    auditsBeforeResponse,
    listeners: [{ host: '127.0.0.1', port: 0, ...tls }],
    settings: { origin: { url: upstream.origin, allowPrivateAddress: true } },
  })
  plane.credentials.set('openai', { secret: key })
  const token = plane.issue({ scope: 'openai:inference' })
  const bearer = { Authorization: `Bearer ${token}` }

  return {
    upstream,
    plane,
    token,
    open: (protocols = [], headers = bearer) =>
      new WebSocket(`${isSecure ? 'wss' : 'ws'}://127.0.0.1:${plane.port}${REALTIME}`, protocols, {
        headers,
        ca: authority.certificate,
      }),
    handshake: (parts) => handshakeText({ token, line: LINE, others: [], ...parts }),
    async outcome() {
      await expect.poll(() => plane.audit.outcomes.length).toBe(1)
      return plane.audit.outcomes[0]!
    },
    async turns(count) {
      const health = requestText('GET /healthz', ['Host: localhost'])
      for (let turn = 0; turn < count; turn += 1) await exchangeRaw(plane.port, health)
    },
    async stop() {
      await plane.stop()
      await upstream.close()
    },
  }
}

function handshakeText({ token, line, others }: HandshakeParts): string {
  return requestText(line, [
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...others,
  ])
}
