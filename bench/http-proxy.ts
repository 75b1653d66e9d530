/** The http-proxy package doing the swap: what most Node projects would reach for. */

import { Agent, createServer } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import httpProxy from 'http-proxy'
import type { SwapJob } from './subject.ts'

process.once('message', ({ origin, ca, token, key }: SwapJob) => {
  const keepAlive = { keepAlive: true, maxSockets: 64 }
  const agent = origin.startsWith('https:')
    ? new SecureAgent({ ...keepAlive, ca })
    : new Agent(keepAlive)
  const proxy = httpProxy.createProxyServer({ target: origin, agent, changeOrigin: true })
  proxy.on('error', () => undefined) // the request counts as failed where it is measured
  const credentials = new Map([[`Bearer ${token}`, `Bearer ${key}`]])

  const server = createServer((request, response) => {
    const credential = credentials.get(request.headers.authorization ?? '')
    if (credential === undefined) {
      response.writeHead(401).end()
      return
    }
    request.headers.authorization = credential
    proxy.web(request, response)
  })
  server.keepAliveTimeout = 75_000
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
})
