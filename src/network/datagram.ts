/** Single datagrams to checked addresses: what syslog over UDP needs, and nothing more. */

import { createSocket } from 'node:dgram'
import type { SendDatagram } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Endpoint } from './connect.ts'
import { resolveChecked, systemLookup, type Lookup } from './resolve.ts'

export function createSendDatagram({
  lookup = systemLookup,
}: { readonly lookup?: Lookup } = {}): SendDatagram {
  return async ({ connectTimeoutMs, port, ...target }, bytes) => {
    const signal = AbortSignal.timeout(connectTimeoutMs)
    try {
      const [endpoint] = await resolveChecked({ ...target, protocol: 'tcp:' }, { lookup, signal })
      if (endpoint) await send(endpoint, port, bytes)
    } catch (error) {
      if (error instanceof Failure) throw error
      const code = signal.aborted ? 'ETIMEDOUT' : (systemErrorCode(error) ?? 'given up')
      throw new Failure('upstream_unreachable', `no datagram could be sent: ${code}`)
    }
  }
}

function send({ address, family }: Endpoint, port: number, bytes: Buffer): Promise<void> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6')
  return new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.send(bytes, port, address, (error) => {
      if (error) reject(error)
      else resolve()
    })
  }).finally(() => {
    socket.close()
  })
}
