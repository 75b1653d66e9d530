/**
 * The only way out to an upstream: resolve, check every address, connect to a checked one, verify
 * the certificate. A name is resolved anew for each connection and never again inside one, so no
 * answer of a resolver can come between the check and the use.
 */

import { lookup as resolveName } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import type { Dial, DialTarget } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { classifyAddress, isForbidden } from './address-guard.ts'
import { connectFirst, type Endpoint } from './connect.ts'
import { hostProblem } from './origin.ts'
import { createSecure, type Secure } from './tls.ts'

/** All addresses of a name, in the order to try them. */
export type Lookup = (hostname: string) => Promise<readonly { readonly address: string }[]>

export interface DialParts {
  readonly lookup?: Lookup
  /** RFC 8305's connection attempt delay. */
  readonly attemptDelayMs?: number
}

const systemLookup: Lookup = (hostname) => resolveName(hostname, { all: true, order: 'verbatim' })

export function createDial({ lookup = systemLookup, attemptDelayMs = 250 }: DialParts = {}): Dial {
  const secure = createSecure()
  return async (target) => {
    const timeout = AbortSignal.timeout(target.connectTimeoutMs)
    const signal = target.signal ? AbortSignal.any([timeout, target.signal]) : timeout
    try {
      const endpoints = await resolve(target, lookup, signal)
      const { port } = target
      const socket = await connectFirst({ endpoints, port, signal, attemptDelayMs })
      if (target.protocol === 'http:') return prepared(socket)
      return prepared(await verified({ socket, target, signal, secure }))
    } catch (error) {
      throw failureFor(error, timeout)
    }
  }
}

/** Literal addresses and resolved ones take the same check. */
async function resolve(
  target: DialTarget,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  const { hostname } = target
  if (hostProblem(hostname) !== undefined)
    throw new Failure('address_forbidden', 'the upstream host is not a plain name or address')
  const found =
    isIP(hostname) === 0 ? await unlessAborted(lookup(hostname), signal) : [{ address: hostname }]
  if (found.length === 0) throw new Failure('upstream_unreachable', 'the name has no address')
  return found.map(({ address }) => checked(address, target))
}

/** One bad address spoils all: which of them would be dialled is the attacker's to arrange. */
function checked(address: string, target: DialTarget): Endpoint {
  const kind = classifyAddress(address)
  if (isForbidden(address, { allowPrivate: target.allowPrivateAddress === true }))
    throw new Failure('address_forbidden', `the upstream has an address that is ${kind}`)
  // Plain text would show the credential to everyone on the way; on this machine there is none.
  if (target.protocol === 'http:' && kind !== 'loopback')
    throw new Failure('upstream_tls_invalid', 'an upstream without TLS must be on this machine')
  return { address, family: isIP(address) === 4 ? 4 : 6 }
}

/** Errors of the connection below TLS. */
const BROKEN_LINE = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH'])

interface Verifying {
  readonly socket: Socket
  readonly target: DialTarget
  readonly signal: AbortSignal
  readonly secure: Secure
}

async function verified({ socket, target, signal, secure }: Verifying): Promise<Socket> {
  const { servername = target.hostname, ca } = target
  try {
    const peer = `${target.hostname}:${target.port}`
    return await secure({ socket, peer, servername, ca, signal })
  } catch (error) {
    socket.destroy()
    const code = systemErrorCode(error) ?? 'no reason given'
    if (signal.aborted || BROKEN_LINE.has(code)) throw error
    // Node's error holds the whole certificate; its code says enough.
    throw new Failure('upstream_tls_invalid', `the upstream's TLS was refused: ${code}`)
  }
}

function prepared(socket: Socket): Socket {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  return socket
}

/** Lookups cannot be cancelled, only left behind. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => {
    reject(new Error('aborted'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  work.then(settle, reject).finally(() => {
    signal.removeEventListener('abort', onAbort)
  })
  return promise
}

function failureFor(error: unknown, timeout: AbortSignal): Failure {
  if (error instanceof Failure) return error
  const code = systemErrorCode(error)
  if (timeout.aborted || code === 'ETIMEDOUT')
    return new Failure('upstream_timeout', 'the upstream did not accept a connection in time')
  return new Failure('upstream_unreachable', `no connection to the upstream: ${code ?? 'given up'}`)
}
