/** A target that understands syslog: over UDP, TCP or TLS, or on a socket of this machine. */

import type { Dial, SendDatagram } from '../base/dial.ts'
import { err, ok } from '../base/result.ts'
import type { AlertNotice, AlertTarget } from '../insight/alert-target.ts'
import { connectionWords } from './connection-words.ts'
import { handOver } from './hand-over.ts'
import { sendLocally } from './syslog-local.ts'
import { formatSyslog, frameSyslog, type SyslogOrigin } from './syslog-message.ts'

export type SyslogPlace =
  | {
      readonly transport: 'tls' | 'tcp' | 'udp'
      readonly host: string
      readonly port: number
    }
  | { readonly transport: 'unix'; readonly path: string }

export interface SyslogTarget extends Pick<AlertTarget, 'name' | 'wants'> {
  readonly place: SyslogPlace
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  readonly origin: SyslogOrigin
  readonly dial: Dial
  readonly sendDatagram: SendDatagram
  /** From the first look-up until everything was taken. */
  readonly timeoutMs: number
}

export function createSyslog(target: SyslogTarget): AlertTarget {
  const { name, wants, timeoutMs } = target
  return {
    name,
    wants,
    async deliver(notice, signal) {
      const timeout = AbortSignal.timeout(timeoutMs)
      try {
        await send(target, notice, AbortSignal.any([signal, timeout]))
        return ok(undefined)
      } catch (error) {
        return err({ problem: timeout.aborted ? 'it took too long' : connectionWords(error) })
      }
    },
  }
}

async function send(target: SyslogTarget, notice: AlertNotice, signal: AbortSignal): Promise<void> {
  const { place, allowPrivateAddress, timeoutMs: connectTimeoutMs, ca } = target
  const message = formatSyslog(notice, target.origin)
  if (place.transport === 'unix') {
    await sendLocally(place.path, message, signal)
    return
  }
  const { host: hostname, port, transport } = place
  const where = { hostname, port, allowPrivateAddress, connectTimeoutMs }
  if (transport === 'udp') {
    await target.sendDatagram(where, Buffer.from(message))
    return
  }
  const protocol = transport === 'tls' ? 'https:' : 'tcp:'
  const trust = ca === undefined ? {} : { ca }
  const socket = await target.dial({ ...where, ...trust, protocol, signal })
  await handOver(socket, frameSyslog(message), signal)
}
