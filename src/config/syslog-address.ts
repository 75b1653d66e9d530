/** Where syslog listens: `tls://HOST:PORT`, `tcp://...`, `udp://...` or `unix:/PATH`. */

import { parseAddress, type Address } from './address.ts'

export type SyslogAddress =
  | ({ readonly transport: 'tls' | 'tcp' | 'udp' } & Address)
  | { readonly transport: 'unix'; readonly path: string }

const NETWORK = /^(?<transport>tls|tcp|udp):\/\/(?<place>.+)$/s
const LOCAL = /^unix:(?<path>\/[^\0]{1,100})$/s

/** A port is always said: they differ from one transport to the other. */
export function parseSyslogAddress(text: string): SyslogAddress | undefined {
  const path = LOCAL.exec(text)?.groups?.path
  if (path !== undefined) return { transport: 'unix', path }
  const { transport, place } = NETWORK.exec(text)?.groups ?? {}
  const address = parseAddress(place ?? '')
  if (!address || address.port === 0) return undefined
  return { transport: transport as 'tls' | 'tcp' | 'udp', ...address } // the expression allows no other
}
