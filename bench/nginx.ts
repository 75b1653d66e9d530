/** nginx doing the same swap: what a proxy can cost at all. Undefined where it is not installed. */

import { spawn, spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import type { TemporaryDirectory } from '../test/support/temporary.ts'
import { endChild } from './child.ts'
import type { BareJob } from './bare.ts'
import type { Subject } from './subject.ts'

export async function startNginx(
  job: BareJob,
  directory: TemporaryDirectory,
): Promise<Subject | undefined> {
  if (spawnSync('nginx', ['-v']).error) return undefined
  const port = await freePort()
  const caFile = directory.write('nginx-ca.pem', job.ca)
  const config = directory.write('nginx.conf', configuration(job, { port, caFile }))
  const child = spawn('nginx', ['-p', directory.path, '-c', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  await untilAnswers(url)
  return { name: 'nginx, the same swap', url, pid: child.pid ?? 0, stop: () => endChild(child) }
}

function configuration(
  { origin, token, key }: BareJob,
  { port, caFile }: { readonly port: number; readonly caFile: string },
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${kind};`)
    .join('\n')
  return `
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off; map_hash_bucket_size 256; keepalive_requests 1000000;
${temporary}
  map $http_authorization $credential { default ""; "Bearer ${token}" "Bearer ${key}"; }
  upstream origin { server ${new URL(origin).host}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass https://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization $credential;
      proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate ${caFile};
    }
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilAnswers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('nginx did not start')
}
