/** How SDKs are pointed at the proxy with a token: variables and lines of code, filled in. */

import type { IssuedToken } from '../../sdk/src/client.ts'
import type { Service } from '../catalog/service.ts'

type KeyPair = NonNullable<IssuedToken['keyPair']>

export interface Pointing {
  /** Where the data plane is reached, `http://127.0.0.1:8900`. */
  readonly proxy: string
  readonly token: string
  /** For SDKs that sign; undefined where none of the services does. */
  readonly keyPair?: KeyPair | undefined
}

export interface Variable {
  readonly name: string
  readonly value: string
}

/** Enough for any program, then what the services' own SDKs read. A name stands once. */
export function variablesFor(services: readonly Service[], pointing: Pointing): Variable[] {
  const variables = new Map([
    ['PROXY_URL', pointing.proxy],
    ['PHANTOM_TOKEN', pointing.token],
  ])
  for (const { name, value, optional } of services.flatMap(({ clients }) => clients.env)) {
    const filled = fill(value, pointing)
    // What needs more than the proxy and the token is not for us to say.
    const isComplete = !optional && !/[{}\s]|\.\.\./.test(filled) && filled !== ''
    if (isComplete && !variables.has(name)) variables.set(name, filled)
  }
  return [...variables].map(([name, value]) => ({ name, value }))
}

/** One line of JavaScript that makes the service's SDK use the proxy, if its file has one. */
export function sdkLine(
  { clients }: Service,
  { proxy }: Pick<Pointing, 'proxy'>,
): string | undefined {
  const line = clients.sdk.node ?? clients.sdk.octokit ?? clients.sdk.js
  const url = URL.parse(proxy)
  if (line === undefined || !url) return undefined
  return line
    .replaceAll('https://proxy.internal', proxy)
    .replaceAll('proxy.internal', url.hostname)
    .replace('port: 443', `port: ${url.port || '443'}`)
    .replace('protocol: "https"', `protocol: "${url.protocol.replace(':', '')}"`)
    .replaceAll(/\btoken\b/g, 'process.env.PHANTOM_TOKEN')
    .replace(/\s+#.*$/, '')
}

function fill(value: string, { proxy, token, keyPair }: Pointing): string {
  const signing = keyPair
    ? value
        .replaceAll('{key_id}', keyPair.accessKeyId)
        .replaceAll('{key_secret}', keyPair.secretAccessKey)
    : value
  return signing
    .replaceAll('{proxy}', proxy)
    .replaceAll('{proxy_host}', URL.parse(proxy)?.host ?? proxy)
    .replaceAll('{token}', token)
}
