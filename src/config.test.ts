import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from './config.ts'
import { generateSealerKey, generateVaultIdentity } from './secret/keys.ts'

const PATH = '/nowhere/apistronghold.yaml'
const read = (text: string, env: Record<string, string> = {}, environment?: string) =>
  parseConfig(text, PATH, { env, environment, workingDirectory: '/elsewhere' })

const production = (settings: string) =>
  `version: 1\nenvironments:\n  production:\n${settings.replace(/^/gm, '    ')}\n`

function mistakesOf(text: string, env: Record<string, string> = {}): string {
  try {
    read(text, env)
  } catch (error) {
    return String(error)
  }
  return 'no mistake'
}

describe('the configuration', () => {
  it('needs no setting at all', () => {
    const config = read('version: 1\nenvironments: {production: {}}')
    expect(config).toMatchObject({
      environment: 'production',
      stateDirectory: 'auto',
      directory: '/nowhere',
      data: { listen: { host: '127.0.0.1', port: 8900 } },
      control: { listen: { host: '127.0.0.1', port: 8901 } },
      tokens: { defaultTtlSeconds: 3600, maxTtlSeconds: 86_400 },
      limits: { bufferedBodiesBytes: 268_435_456, stopGraceSeconds: 10 },
    })
  })

  it('listens elsewhere in development', () => {
    const config = read('version: 1\nenvironments: {development: {}}')
    expect([config.data.listen.port, config.control.listen.port]).toEqual([8980, 8981])
  })

  it('reads every setting', async () => {
    const { recipient } = await generateVaultIdentity()
    const { publicKey } = generateSealerKey()
    const config = read(
      production(`state_dir: state
data: {listen: "[::1]:8900", service_listen: {stripe: 127.0.0.1:8910}}
control: {listen: 127.0.0.1:0, hosts: [control.example]}
database: sqlite
workers: auto
vault: {recipient: ${recipient}, sealers: {alice: "${publicKey}"}}
tokens: {default_ttl: 30m, max_ttl: 7d}
services:
  stripe: {credential: env:STRIPE_KEY, body_limit: 1MiB}
  mock: {extends: stripe, credential: vault:stripe, origin: "https://localhost:9443", ca_file: ca.pem, allow_private_address: true}
  openai: {splits: {admin: file:/run/secrets/openai-admin}, hosts: [eu.api.openai.com]}
env_sources: [STRIPE_KEY]
secret_dirs: [/run/secrets]
audit: {quota: 1GiB}
limits: {buffered_bodies: 64MiB, stop_grace: 3s}`),
    )
    expect(config.stateDirectory).toBe('/nowhere/state')
    expect(config.data.listen).toEqual({ host: '::1', port: 8900 })
    expect(config.workers).toBe('auto')
    expect(config.vault.recipient).toBe(recipient)
    expect(config.vault.sealers.get('alice')?.asymmetricKeyType).toBe('ed25519')
    expect(config.services.get('mock')).toEqual({
      extends: 'stripe',
      credential: { source: 'vault', name: 'stripe' },
      splits: new Map(),
      origin: 'https://localhost:9443',
      caFile: '/nowhere/ca.pem',
      allowPrivateAddress: true,
    })
    expect(config.services.get('stripe')?.bodyLimitBytes).toBe(1_048_576)
    expect(config.services.get('openai')?.splits.get('admin')).toEqual({
      source: 'file',
      path: '/run/secrets/openai-admin',
    })
    expect(config.audit.quotaBytes).toBe(1_073_741_824)
  })

  it('reports five mistakes at once, each with its line', () => {
    const text = mistakesOf(`version: 1
default_env: staging
environments:
  production:
    data: {listen: everywhere, lisen: 127.0.0.1:1}
    tokens:
      max_ttl: forever
    services:
      strpe: {}
`)
    expect(text).toContain('5 mistakes')
    expect(text).toContain('line 2, column 14: default_env names no environment')
    expect(text).toContain('line 5, column 20: data.listen: must be HOST:PORT')
    expect(text).toContain(
      'line 5, column 32: there is no setting "lisen" here; did you mean "listen"?',
    )
    expect(text).toContain('line 7, column 16: tokens.max_ttl: must be a duration')
    expect(text).toContain('line 9, column 7: there is no service "strpe"; did you mean "stripe"?')
  })

  it.each([
    ['a listener beyond this machine', 'data: {listen: 0.0.0.0:8900}', 'needs TLS'],
    ['a service port beyond it', 'data: {service_listen: {stripe: 10.0.0.1:1}}', 'needs TLS'],
    [
      'TLS with half a pair',
      'data: {tls: {cert_file: a}}',
      'tls.key_file: is missing: it must be a path',
    ],
    ['TLS by other names', 'data: {tls: {cert_file: a, keyfile: b}}', 'did you mean "key_file"?'],
    [
      'TLS on the other plane only',
      'data: {listen: 0.0.0.0:8900}\ncontrol: {tls: {cert_file: a, key_file: b}}',
      'set data.tls',
    ],
    ['a range with host bits', 'data: {trusted_proxies: [10.0.0.1/8]}', 'without host bits'],
    ['a proxy by its name', 'data: {trusted_proxies: [balancer.example]}', 'an address or a range'],
    ['a range with a zone', 'data: {trusted_proxies: ["fe80::1%eth0"]}', 'an address or a range'],
    ['PROXY headers of everybody', 'data: {proxy_protocol: true}', 'needs trusted_proxies'],
    [
      'PROXY headers of nobody',
      'data: {proxy_protocol: true, trusted_proxies: []}',
      'needs trusted_proxies',
    ],
    ['an upstream proxy without a port', 'upstream_proxy: {url: "http://proxy.corp"}', 'HOST:PORT'],
    ['one behind TLS', 'upstream_proxy: {url: "https://proxy.corp:3128"}', 'http://HOST:PORT'],
    ['one with a path', 'upstream_proxy: {url: "http://proxy.corp:3128/"}', 'http://HOST:PORT'],
    ['one without a URL', 'upstream_proxy: {no_proxy: [a.example]}', 'url: is missing'],
    [
      'its credential in the vault',
      'upstream_proxy: {url: "http://proxy.corp:3128", credential: vault:proxy}',
      'must be env:VARIABLE or file:/PATH',
    ],
    [
      'its credential from an unlisted variable',
      'upstream_proxy: {url: "http://proxy.corp:3128", credential: env:PROXY_LOGIN}',
      'upstream_proxy.credential: names a variable that env_sources does not list',
    ],
    [
      'an exemption that is no name',
      'upstream_proxy: {url: "http://proxy.corp:3128", no_proxy: [".corp"]}',
      'must be a host name',
    ],
    ['no connections', 'limits: {connections: 0}', 'limits.connections: must be a whole number'],
    ['half a connection', 'limits: {connections: 1.5}', 'must be a whole number'],
    ['a timeout of two days', 'limits: {total_timeout: 2d}', 'at most a day'],
    [
      'a URL that fits into no head',
      'limits: {url_length: 64KiB}',
      'limits.url_length: is more than limits.head_size',
    ],
    ['more of one source than of all', 'limits: {connections: 10}', 'more than limits.connections'],
    ['PostgreSQL, which is not built', 'database: env:DATABASE_URL', 'later release'],
    [
      'a store that nothing describes',
      'services: {stripe: {credential: "hashicorp:a/b#c"}}',
      'needs stores.hashicorp',
    ],
    ['two listeners on one address', 'data: {listen: 127.0.0.1:8901}', 'default of control.listen'],
    ['an unlisted variable', 'services: {stripe: {credential: env:KEY}}', 'env_sources'],
    [
      'a file outside',
      'secret_dirs: [/run/a]\nservices: {stripe: {credential: file:/run/ab}}',
      'secret_dirs',
    ],
    ['a default life above the longest', 'tokens: {default_ttl: 2d}', 'longer than'],
    ['a recipient that is none', 'vault: {recipient: age1abc}', 'age recipient'],
    [
      'an origin with a path',
      'services: {stripe: {origin: "https://a.example/b"}}',
      'without a path',
    ],
    ['an unknown parent', 'services: {mock: {extends: stripee}}', 'did you mean "stripe"'],
    ['a service that extends itself', 'services: {mock: {extends: mock}}', 'no service "mock"'],
    ['a setting that stands twice', 'audit: {}\naudit: {}', 'twice'],
    [
      'a name from the prototype',
      'services: {__proto__: {origin: "https://a.example"}}',
      'no setting has this name',
    ],
    ['tabs', 'audit:\n\tquota: 1GiB', 'tabs'],
  ])('refuses %s', (_case, settings, words) => {
    expect(mistakesOf(production(settings))).toContain(words)
  })

  it('lets production listen everywhere where plaintext was accepted', () => {
    const config = read(production('data: {listen: 0.0.0.0:8900, insecure_plaintext: true}'))
    expect(config.data.listen.host).toBe('0.0.0.0')
  })

  it('lets production listen everywhere with TLS, its files beside the configuration', () => {
    const config = read(
      production('data: {listen: 0.0.0.0:8900, tls: {cert_file: data.pem, key_file: /k/data.key}}'),
    )
    expect(config.data.tls).toEqual({ cert: '/nowhere/data.pem', key: '/k/data.key' })
    expect(config.control.tls).toBeUndefined()
  })

  it('takes files named in a variable from where the command runs', () => {
    const config = read(production('{}'), {
      APISTRONGHOLD_CONTROL_TLS_CERT_FILE: 'control.pem',
      APISTRONGHOLD_CONTROL_TLS_KEY_FILE: 'control.key',
    })
    expect(config.control.tls).toEqual({
      cert: '/elsewhere/control.pem',
      key: '/elsewhere/control.key',
    })
  })

  it('knows the proxies in front and the one on the way out', () => {
    const config = read(
      production(`data: {trusted_proxies: [10.0.0.0/8, "2001:db8::1"], proxy_protocol: true}
env_sources: [PROXY_LOGIN]
upstream_proxy:
  url: http://proxy.corp:3128
  credential: env:PROXY_LOGIN
  no_proxy: [models.corp, "*.lab.corp", 10.1.2.3]`),
    )
    expect(config.data).toMatchObject({
      trustedProxies: ['10.0.0.0/8', '2001:db8::1'],
      proxyProtocol: true,
    })
    expect(config.upstreamProxy).toEqual({
      address: { host: 'proxy.corp', port: 3128 },
      credential: { source: 'env', variable: 'PROXY_LOGIN' },
      exempt: ['models.corp', '*.lab.corp', '10.1.2.3'],
    })
  })

  it('reads limits in their units, from the file and from variables', () => {
    const { limits } = read(
      production('limits: {head_size: 16KiB, connections_per_source: 5, head_timeout: 3s}'),
      { APISTRONGHOLD_LIMITS_CIRCUIT_FAILURES: '3', APISTRONGHOLD_LIMITS_REQUEST_BODY: '1GiB' },
    )
    expect(limits).toMatchObject({
      headBytes: 16_384,
      connectionsPerSource: 5,
      headTimeoutMs: 3000,
      circuitFailures: 3,
      requestBodyBytes: 1_073_741_824,
      totalTimeoutMs: 1_800_000,
    })
  })

  it.each([
    ['a Stripe key', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'],
    ['a token of ours', `ok_live_${'a1B2c3'.repeat(6)}`],
    ['a password in a URL', 'https://alice:hunter22@example.com'],
  ])('refuses %s anywhere, without repeating it', (_case, secret) => {
    const text = mistakesOf(production(`services: {stripe: {credential: "${secret}"}}`))
    expect(text).toContain('line 4, column 37: a real secret stands here')
    expect(text).not.toContain(secret)
  })

  it('lets a variable win over each setting', () => {
    const config = read(production('data: {listen: 127.0.0.1:1}\ntokens: {max_ttl: 2h}'), {
      APISTRONGHOLD_DATA_LISTEN: '127.0.0.1:7',
      APISTRONGHOLD_DATA_SERVICE_LISTEN: '{stripe: "127.0.0.1:8"}',
      APISTRONGHOLD_ENV_SOURCES: '[STRIPE_KEY]',
      APISTRONGHOLD_SERVICES: '{stripe: {credential: env:STRIPE_KEY}}',
      APISTRONGHOLD_STATE_DIR: 'state',
      APISTRONGHOLD_LIMITS_STOP_GRACE: '1s',
    })
    expect(config.data.listen.port).toBe(7)
    expect(config.data.serviceListen.get('stripe')?.port).toBe(8)
    expect(config.services.get('stripe')?.credential).toEqual({
      source: 'env',
      variable: 'STRIPE_KEY',
    })
    expect(config.stateDirectory).toBe('/elsewhere/state')
    expect(config.tokens.maxTtlSeconds).toBe(7200)
    expect(config.limits.stopGraceSeconds).toBe(1)
  })

  it.each([
    ['APISTRONGHOLD_DATA_LISTEN', 'nowhere', 'data.listen: must be HOST:PORT'],
    ['APISTRONGHOLD_ENV_SOURCES', '[A', 'env_sources: must be a list'],
    ['APISTRONGHOLD_ENV_SOURCES', 'A', 'env_sources: must be a list'],
    ['APISTRONGHOLD_DATA_INSECURE_PLAINTEXT', 'yes', 'data.insecure_plaintext: must be true'],
  ])('names the variable %s that a mistake came from', (variable, text, words) => {
    expect(mistakesOf(production('audit: {}'), { [variable]: text })).toContain(
      `${variable}: ${words}`,
    )
  })

  it('picks the environment: asked for, variable, default, the only one', () => {
    const both = 'version: 1\nenvironments: {production: {}, staging: {}}\n'
    expect(read(both, {}, 'staging').environment).toBe('staging')
    expect(read(both, { APISTRONGHOLD_ENV: 'staging' }).environment).toBe('staging')
    expect(read(`${both}default_env: production`).environment).toBe('production')
    expect(mistakesOf(both)).toContain('add --env (production, staging)')
    expect(mistakesOf(both, { APISTRONGHOLD_ENV: 'stagin' })).toContain('did you mean "staging"')
  })

  it('throws nothing but failures, whatever the text is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        expect(mistakesOf(text)).toMatch(/^Failure|^no mistake/)
      }),
    )
  })
})

describe('the configuration file', () => {
  let folder = ''
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'config-'))))
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it('is missed with advice, and nothing is created', () => {
    expect(() => loadConfig({ env: {}, workingDirectory: folder })).toThrow(
      /there is no configuration here .* run `npx apistronghold init/,
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('is found by name, by variable and in the working directory', () => {
    const text = (name: string) => `version: 1\nenvironments: {${name}: {}}\n`
    for (const name of ['apistronghold', 'variable', 'named'])
      writeFileSync(join(folder, `${name}.yaml`), text(name))
    const at = (env: Record<string, string>, path?: string) =>
      loadConfig({ env, path, workingDirectory: folder }).environment
    expect(at({})).toBe('apistronghold')
    expect(at({ APISTRONGHOLD_CONFIG: 'variable.yaml' })).toBe('variable')
    expect(at({ APISTRONGHOLD_CONFIG: 'variable.yaml' }, 'named.yaml')).toBe('named')
  })
})
