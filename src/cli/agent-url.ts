/** Where agents reach the data plane, as they must write it. */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { formatAddress } from '../config/address.ts'
import { reachable } from './running.ts'
import type { Local } from './session.ts'

/**
 * The listener's own address, unless its certificate is for a name: an agent that verifies would
 * get nowhere with the address.
 */
export function agentUrl({ config }: Pick<Local, 'config'>, listener: string): string {
  const url = reachable(listener)
  const { protocol, hostname, port } = new URL(url)
  const file = config.data.tls?.cert
  if (protocol !== 'https:' || file === undefined) return url
  const name = namedInstead(file, hostname.replaceAll(/[[\]]/g, ''))
  return name === undefined ? url : `https://${name}:${port || '443'}`
}

/** What the listener's URL will be once it is bound. */
export function configuredUrl({ config: { data } }: Pick<Local, 'config'>): string {
  return `${data.tls ? 'https' : 'http'}://${formatAddress(data.listen)}`
}

/** The first plain name of the certificate, where it is not valid for this host. */
function namedInstead(file: string, host: string): string | undefined {
  const certificate = readCertificate(file)
  if (!certificate) return undefined
  const covers = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
  if (covers !== undefined) return undefined
  const names = certificate.subjectAltName?.matchAll(/(?:^|, )DNS:([a-z0-9.-]+)(?=,|$)/gi) ?? []
  return [...names][0]?.[1]
}

/** The server says what is wrong with it; a hint can do without. */
function readCertificate(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file))
  } catch {
    return undefined
  }
}
