/**
 * The only way out to an upstream: resolve, check every address, connect to a checked one, verify
 * the certificate. A name is resolved anew for each connection and never again inside one, so no
 * answer of a resolver can come between the check and the use. Where a proxy is configured, it is
 * the proxy's address that is resolved and checked; the upstream's name goes to it as it is.
 */

import { isIP, type Socket } from 'node:net'
import type { Dial, DialTarget } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { classifyAddress, isForbidden } from './address-guard.ts'
import { connectFirst, type Endpoint } from './connect.ts'
import { resolve, resolveChecked, systemLookup, unlessAborted, type Lookup } from './resolve.ts'
import { createSecure, type Secure } from './tls.ts'
import { openTunnel } from './tunnel.ts'
import { authorityOf, isProxied, refuseForbidden, type UpstreamProxy } from './upstream-proxy.ts'

export type { Lookup } from './resolve.ts'

export interface DialParts {
  readonly lookup?: Lookup
  /** RFC 8305's connection attempt delay. */
  readonly attemptDelayMs?: number
  /** The only way to upstreams, but for those that it exempts. */
  readonly proxy?: UpstreamProxy | undefined
}

/** How a way to a target is found; `Dial` adds TLS to it. */
interface Way {
  readonly target: DialTarget
  readonly signal: AbortSignal
  readonly lookup: Lookup
  readonly attemptDelayMs: number
}

export function createDial(parts: DialParts = {}): Dial {
  const { lookup = systemLookup, attemptDelayMs = 250, proxy } = parts
  const secure = createSecure()
  return async (target) => {
    const timeout = AbortSignal.timeout(target.connectTimeoutMs)
    const signal = target.signal ? AbortSignal.any([timeout, target.signal]) : timeout
    try {
      const way = { target, signal, lookup, attemptDelayMs }
      const isDirect = proxy === undefined || !isProxied(target, proxy)
      const socket = await (isDirect ? direct(way) : throughProxy(way, proxy))
      if (target.protocol !== 'https:') return prepared(socket)
      return prepared(await verified({ socket, target, signal, secure }))
    } catch (error) {
      throw failureFor(error, timeout)
    }
  }
}

/** Literal addresses and resolved ones take the same check. */
async function direct(way: Way): Promise<Socket> {
  const { target, signal, attemptDelayMs } = way
  const endpoints = await resolveChecked(target, way)
  return connectFirst({ endpoints, port: target.port, signal, attemptDelayMs })
}

async function throughProxy(way: Way, proxy: UpstreamProxy): Promise<Socket> {
  const { target, signal, attemptDelayMs } = way
  refuseForbidden(target)
  const authorization = await authorizationOf(proxy, signal)
  const addresses = await resolve(proxy.host, way)
  const endpoints = addresses.map((address) => checkedProxy(address))
  const socket = await connectFirst({ endpoints, port: proxy.port, signal, attemptDelayMs })
  await openTunnel({ socket, authority: authorityOf(target), authorization, signal })
  return socket
}

/** What is wrong with a credential is for the operator's log, not for an agent's answer. */
async function authorizationOf(
  { authorization }: UpstreamProxy,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return authorization && (await unlessAborted(authorization(), signal))
  } catch (cause) {
    if (signal.aborted) throw cause
    const message = 'the credential for the upstream proxy cannot be had'
    throw new Failure('upstream_unreachable', message, { cause })
  }
}

/** The operator's own network is where it belongs; what hands out credentials is no proxy. */
function checkedProxy(address: string): Endpoint {
  if (isForbidden(address, { allowPrivate: true }))
    throw new Failure('address_forbidden', `the upstream proxy is ${classifyAddress(address)}`)
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

function failureFor(error: unknown, timeout: AbortSignal): Failure {
  if (error instanceof Failure) return error
  const code = systemErrorCode(error)
  if (timeout.aborted || code === 'ETIMEDOUT')
    return new Failure('upstream_timeout', 'the upstream did not accept a connection in time')
  return new Failure('upstream_unreachable', `no connection to the upstream: ${code ?? 'given up'}`)
}
