/** Caddy doing the swap, on one core as Go understands it. */

import { freePort } from './child.ts'
import { startProgram, versionOf } from './installed.ts'
import type { StartSubject, SwapJob } from './subject.ts'

export const startCaddy: StartSubject = async ({ job, directory }) => {
  if (versionOf('caddy', 'version') === undefined) return undefined
  const port = await freePort()
  const caFile = directory.write('caddy-ca.pem', job.ca)
  const config = directory.write('Caddyfile', configuration(job, { port, caFile }))
  return await startProgram({
    command: 'caddy',
    args: ['run', '--adapter', 'caddyfile', '--config', config],
    port,
    env: {
      GOMAXPROCS: '1',
      HOME: directory.path,
      XDG_CONFIG_HOME: directory.path,
      XDG_DATA_HOME: directory.path,
    },
  })
}

function configuration(
  { origin, token, key }: SwapJob,
  { port, caFile }: { readonly port: number; readonly caFile: string },
): string {
  const tls = origin.startsWith('https:')
    ? `tls_trusted_ca_certs ${caFile}
        tls_server_name localhost`
    : ''
  return `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${port} {
  bind 127.0.0.1
  @known header Authorization "Bearer ${token}"
  handle @known {
    reverse_proxy ${origin} {
      header_up Authorization "Bearer ${key}"
      transport http {
        versions 1.1
        compression off
        keepalive_idle_conns_per_host 64
        ${tls}
      }
    }
  }
  handle {
    respond 401
  }
}
`
}
