/** The little of `fetch` that the client needs, over node:https with a certificate authority of one's own. */

import { request } from 'node:https'
import { Readable } from 'node:stream'
import type { Fetch } from './transport.ts'

/** Trusts `ca` (PEM) and nothing else. Never follows a redirect. */
export function createAuthorityFetch(ca: string): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', body, signal } = init
      const headers = Object.fromEntries(new Headers(init.headers))
      const text = typeof body === 'string' ? body : undefined
      if (text !== undefined) headers['content-length'] = String(Buffer.byteLength(text))
      const outgoing = request(url, { method, headers, ca, ...(signal ? { signal } : {}) })
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

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? '', raw[at + 1] ?? '')
  return headers
}
