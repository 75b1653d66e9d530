/** The part of http-proxy that http-proxy.ts uses; the package has no types of its own. */

declare module 'http-proxy' {
  import type { Agent, IncomingMessage, ServerResponse } from 'node:http'

  interface Options {
    readonly target: string
    readonly agent: Agent
    readonly changeOrigin: boolean
  }
  interface Proxy {
    web(request: IncomingMessage, response: ServerResponse): void
    on(event: 'error', listener: () => void): void
  }
  const library: { createProxyServer(options: Options): Proxy }
  export default library
}
