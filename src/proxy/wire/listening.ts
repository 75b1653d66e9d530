/** The words for where a listener is, and for why it cannot be there. */

import { Failure, systemErrorCode } from '../../base/errors.ts'

export function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function listenFailure(address: string, error: Error): Failure {
  const code = systemErrorCode(error)
  if (code === 'EADDRINUSE') {
    return new Failure(
      'listen_failed',
      `${address} is in use: stop what listens there, or choose another address`,
    )
  }
  if (code === 'EACCES') {
    return new Failure(
      'listen_failed',
      `${address} may not be used by this user: choose a port above 1023`,
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new Failure('listen_failed', `${address} is no address of this machine`)
  }
  return new Failure('listen_failed', `cannot listen on ${address}`, { cause: error })
}
