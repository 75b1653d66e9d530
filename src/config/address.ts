/** Where a plane listens: `127.0.0.1:8900`, `[::1]:8900`, `localhost:8900`. */

import { isIP } from 'node:net'

export interface Address {
  /** An address or a host name; IPv6 without brackets. */
  readonly host: string
  /** 0 lets the system choose one. */
  readonly port: number
}

const ADDRESS = /^(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<host>[0-9A-Za-z.-]+)):(?<port>\d{1,5})$/

/** Reads HOST:PORT, or returns undefined. A bare port is not enough: where to listen is a choice. */
export function parseAddress(text: string): Address | undefined {
  const { six, host, port } = ADDRESS.exec(text)?.groups ?? {}
  const number = Number(port)
  if (port === undefined || number > 65_535) return undefined
  if (six !== undefined) return isIP(six) === 6 ? { host: six, port: number } : undefined
  return host === undefined ? undefined : { host: host.toLowerCase(), port: number }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can reach it. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
