/** The least that a proxy of ready parts can do in Node: node:http, one look-up, undici's dispatch. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool, type Dispatcher } from 'undici'
import type { SwapJob } from './subject.ts'

/** Only these would be wrong on the other side. */
const HOP_BY_HOP = new Set(['host', 'connection', 'authorization'])

process.once('message', ({ origin, ca, token, key }: SwapJob) => {
  const pool = new Pool(origin, { connections: 64, connect: { ca } })
  const credentials = new Map([[`Bearer ${token}`, `Bearer ${key}`]])

  const server = createServer((request, response) => {
    const credential = credentials.get(request.headers.authorization ?? '')
    if (credential === undefined) {
      response.writeHead(401).end()
      return
    }
    const { method = 'GET', url: path = '/' } = request
    const headers = swapped(request.rawHeaders, credential)
    const body = method === 'GET' ? null : request
    pool.dispatch({ method, path, headers, body }, relay(response))
  })
  server.keepAliveTimeout = 75_000
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
})

function swapped(rawHeaders: IncomingMessage['rawHeaders'], credential: string): string[] {
  const headers = ['authorization', credential]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers.push(name, rawHeaders[index + 1] ?? '')
  }
  return headers
}

function relay(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller) => {
      response.on('drain', () => {
        controller.resume()
      })
    },
    onResponseStart(_controller, status, headers) {
      response.writeHead(status, headers)
    },
    onResponseData(controller, chunk) {
      if (!response.write(chunk)) controller.pause()
    },
    onResponseEnd: () => response.end(),
    onResponseError: () => response.destroy(),
  }
}
