/** HAProxy doing the swap, one thread. */

import { freePort } from './child.ts'
import { startProgram, versionOf } from './installed.ts'
import type { StartSubject, SwapJob } from './subject.ts'

export const startHaproxy: StartSubject = async ({ job, directory }) => {
  if (versionOf('haproxy', '-v') === undefined) return undefined
  const port = await freePort()
  const caFile = directory.write('haproxy-ca.pem', job.ca)
  // A space ends a key of a map file, so the scheme is taken off first.
  const mapFile = directory.write('haproxy.map', `${job.token} ${job.key}\n`)
  const config = directory.write('haproxy.cfg', configuration(job, { port, caFile, mapFile }))
  return await startProgram({ command: 'haproxy', args: ['-q', '-db', '-f', config], port })
}

interface Files {
  readonly port: number
  readonly caFile: string
  readonly mapFile: string
}

function configuration({ origin }: SwapJob, { port, caFile, mapFile }: Files): string {
  const { protocol, host } = new URL(origin)
  const tls = `ssl verify required ca-file ${caFile} sni str(localhost) verifyhost localhost`
  return `
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 60s
frontend agents
  bind 127.0.0.1:${port}
  http-request set-var(txn.key) req.fhdr(authorization),regsub("^Bearer ",""),map_str(${mapFile})
  http-request deny deny_status 401 unless { var(txn.key) -m found }
  http-request set-header Authorization "Bearer %[var(txn.key)]"
  default_backend origin
backend origin
  http-reuse always
  server origin ${host} ${protocol === 'https:' ? tls : ''}
`
}
