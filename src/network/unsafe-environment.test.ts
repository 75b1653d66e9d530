import { describe, expect, it } from 'vitest'
import { unsafeEnvironment } from './unsafe-environment.ts'

describe('the environment of the process', () => {
  it.each<[string, string, string]>([
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0', 'stop'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', 'false', 'stop'],
    ['NODE_DEBUG', 'http', 'stop'],
    ['NODE_DEBUG_NATIVE', 'http', 'stop'],
    ['NODE_OPTIONS', '--require ./evil.js', 'warn'],
    ['NODE_OPTIONS', '--max-old-space-size=512 --import=data:text/javascript,1', 'warn'],
    ['NODE_OPTIONS', '-r evil', 'warn'],
    ['NODE_OPTIONS', '--inspect=0.0.0.0:9229', 'warn'],
    ['NODE_OPTIONS', '--inspect-brk', 'warn'],
    ['NODE_OPTIONS', '--heapsnapshot-signal=SIGUSR2', 'warn'],
    ['NODE_OPTIONS', '--tls-min-v1.0', 'warn'],
    ['NODE_OPTIONS', '--tls-keylog=/tmp/keys', 'warn'],
    ['NODE_OPTIONS', '--report-on-fatalerror', 'warn'],
    ['NODE_OPTIONS', '--insecure-http-parser', 'warn'],
    ['NODE_OPTIONS', '--use-openssl-ca', 'warn'],
    ['NODE_EXTRA_CA_CERTS', '/tmp/ca.pem', 'warn'],
    ['SSL_CERT_FILE', '/tmp/ca.pem', 'warn'],
    ['SSLKEYLOGFILE', '/tmp/keys', 'warn'],
    ['OPENSSL_CONF', '/tmp/openssl.cnf', 'warn'],
    ['LD_PRELOAD', '/tmp/evil.so', 'warn'],
  ])('CE-10 with %s=%s is a reason to %s', (variable, value, severity) => {
    const found = unsafeEnvironment({ [variable]: value })
    expect(found).toMatchObject([{ variable, severity }])
    expect(JSON.stringify(found)).not.toContain(value === '0' ? '"0"' : value)
  })

  it('CE-10 names every danger, those that stop the start first', () => {
    const found = unsafeEnvironment({
      LD_PRELOAD: 'x',
      NODE_OPTIONS: '--inspect --require x',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    })
    expect(found.map(({ variable, severity }) => `${severity} ${variable}`)).toEqual([
      'stop NODE_TLS_REJECT_UNAUTHORIZED',
      'warn NODE_OPTIONS',
      'warn NODE_OPTIONS',
      'warn LD_PRELOAD',
    ])
  })

  it.each([
    {},
    { NODE_TLS_REJECT_UNAUTHORIZED: '1' },
    { NODE_TLS_REJECT_UNAUTHORIZED: '' },
    { NODE_OPTIONS: '--max-old-space-size=512 --enable-source-maps' },
    { PATH: '/usr/bin', HOME: '/root', NODE_ENV: 'production' },
  ])('is fine as %j', (env) => {
    expect(unsafeEnvironment(env)).toEqual([])
  })
})
