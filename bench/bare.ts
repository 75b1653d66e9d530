/**
 * The least that a proxy in Node can do: node:http, one look-up, another Authorization, undici.
 * No scopes, no audit, no limits. What our duty costs is measured against this.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

export interface BareJob {
  readonly origin: string
  readonly ca: string
  readonly token: string
  readonly key: string
}

process.once('message', ({ origin, ca, token, key }: BareJob) => {
  const pool = new Pool(origin, { connections: 64, connect: { ca } })
  const credentials = new Map([[`Bearer ${token}`, `Bearer ${key}`]])

  const server = createServer((request, response) => {
    const credential = credentials.get(request.headers.authorization ?? '')
    if (credential === undefined) {
      response.writeHead(401).end()
      return
    }
    const headers = { ...request.headers, authorization: credential }
    delete headers.host
    delete headers.connection
    const method = request.method ?? 'GET'
    pool.stream(
      {
        path: request.url ?? '/',
        method: method,
        headers,
        body: method === 'GET' ? null : request,
        opaque: response,
      },
      ({ statusCode, headers: answered }) => response.writeHead(statusCode, answered),
      (error) => {
        if (error) response.destroy()
      },
    )
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
})
