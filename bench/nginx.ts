/** nginx doing the swap, one worker: what a proxy can cost at all. */

import { freePort } from './child.ts'
import { startProgram, versionOf } from './installed.ts'
import type { StartSubject, SwapJob } from './subject.ts'

export const startNginx: StartSubject = async ({ job, directory }) => {
  if (versionOf('nginx', '-v') === undefined) return undefined
  const port = await freePort()
  const caFile = directory.write('nginx-ca.pem', job.ca)
  const config = directory.write('nginx.conf', configuration(job, { port, caFile }))
  return await startProgram({ command: 'nginx', args: ['-p', directory.path, '-c', config], port })
}

function configuration(
  { origin, token, key }: SwapJob,
  { port, caFile }: { readonly port: number; readonly caFile: string },
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${kind};`)
    .join('\n')
  const { protocol, host } = new URL(origin)
  return `
daemon off; master_process off; pid nginx.pid; error_log stderr error;
events { worker_connections 16000; }
http {
  access_log off; map_hash_bucket_size 256; keepalive_requests 100000000; client_max_body_size 64m;
${temporary}
  map $http_authorization $credential { default ""; "Bearer ${token}" "Bearer ${key}"; }
  upstream origin { server ${host}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      if ($credential = "") { return 401; }
      proxy_pass ${protocol}//origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization $credential;
      proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate ${caFile};
    }
  }
}
`
}
