import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { aTerminal } from '../../src/cli/terminal.testing.ts'
import { startFakeVault, type FakeVault } from '../support/fake-vault.ts'
import { isMotoMissing, startMoto } from '../support/moto.ts'

const KEY = 'sk_test_a1B2c3D4e5F6g7H8i9J0k1'

let vault: FakeVault
let folder = ''

beforeAll(async () => {
  vault = await startFakeVault()
  vault.putV2('stripe', { key: KEY })
})
afterAll(async () => {
  await vault.close()
})
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'init-stores-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

async function init(
  options: readonly string[],
  more: Readonly<Record<string, string>> = { VAULT_TOKEN: vault.rootToken },
) {
  const env = { HOME: folder, APISTRONGHOLD_STATE_DIR: join(folder, 'state'), ...more }
  const terminal = aTerminal({ workingDirectory: folder, env })
  const line = ['init', '--env', 'production', '--yes', '--no-start', '--services', 'stripe']
  const exitCode = await run([...line, ...options], terminal)
  return { exitCode, words: [...terminal.printed, ...terminal.noted].join('\n') }
}

const config = () => readFileSync(join(folder, 'apistronghold.yaml'), 'utf8')

const hashicorp = (place = 'hashicorp:secret/data/stripe#key', address = vault.url) => [
  ...['--store', `hashicorp.address=${address}`, '--store', 'hashicorp.auth=token'],
  ...['--store', 'hashicorp.token=env:VAULT_TOKEN'],
  ...['--store', 'hashicorp.allow_private_address=true', '--secret-ref', `stripe=${place}`],
]

describe('init with a store elsewhere', () => {
  it('asks it first, then writes where it is and what it holds, and no value', async () => {
    const { exitCode, words } = await init(hashicorp())
    expect(words).not.toContain('error')
    expect(exitCode).toBe(0)
    expect(config()).toContain(`address: ${vault.url}`)
    expect(config()).toContain('token: env:VAULT_TOKEN')
    expect(config()).toContain('allow_private_address: true')
    expect(config()).toContain('credential: hashicorp:secret/data/stripe#key')
    expect(config() + words).not.toContain(KEY)
    expect(config() + words).not.toContain(vault.rootToken)
    const before = config()
    expect((await init(hashicorp())).words).toContain('nothing changed')
    expect(config()).toBe(before)
  })

  interface Failing {
    readonly why: string
    readonly options: () => readonly string[]
    readonly env?: Readonly<Record<string, string>>
    readonly words: RegExp
  }

  it.each<Failing>([
    {
      why: 'the token is wrong',
      options: () => hashicorp(),
      env: { VAULT_TOKEN: 'hvs.wrong' },
      words: /stripe: .*(?:403|refus|token)/i,
    },
    { why: 'there is no token', options: () => hashicorp(), env: {}, words: /hashicorp\.token/ },
    {
      why: 'nothing is there',
      options: () => hashicorp('hashicorp:secret/data/none#key'),
      words: /nothing for stripe/,
    },
    {
      why: 'the field is not there',
      options: () => hashicorp('hashicorp:secret/data/stripe#nope'),
      words: /stripe: .*nope/,
    },
    {
      why: 'nobody listens',
      options: () => hashicorp(undefined, 'http://127.0.0.1:1'),
      words: /stripe: .*cannot be asked/,
    },
  ])('writes nothing when $why', async ({ options, env, words }) => {
    const found = await init(options(), env)
    expect(found.words).toMatch(words)
    expect(found.words).toContain('--skip-store-check')
    expect(found.exitCode).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('writes all the same when it is told not to ask', async () => {
    const options = [...hashicorp(undefined, 'https://vault.example:8200'), '--skip-store-check']
    expect((await init(options, {})).exitCode).toBe(0)
    expect(config()).toContain('address: https://vault.example:8200')
  })

  it.each([
    [['--store', 'nonsense'], 'STORE.SETTING=VALUE'],
    [['--store', 'gcp.project=x'], 'STORE.SETTING=VALUE'],
    [['--store', 'hashicorp.adress=https://v:1'], 'adress'],
    [
      ['--store', 'hashicorp.address=ftp://v', '--store', 'hashicorp.auth=token'],
      'https://HOST:PORT',
    ],
  ])('says what is wrong with %j', async (options, words) => {
    const found = await init(options)
    expect(found.exitCode).toBeGreaterThan(0)
    expect(found.words).toContain(words)
    expect(existsSync(join(folder, 'apistronghold.yaml'))).toBe(false)
  })
})

describe.skipIf(isMotoMissing())('init with AWS Secrets Manager', () => {
  it('asks it first: nothing there is an error, a secret is not', async () => {
    const moto = await startMoto()
    const aws = {
      AWS_ACCESS_KEY_ID: 'AKIDTEST',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    const before = { ...process.env }
    Object.assign(process.env, aws)
    try {
      const options = [
        ...['--store', 'aws-sm.region=eu-central-1', '--store', `aws-sm.endpoint=${moto.url}`],
        ...[
          '--store',
          'aws-sm.allow_private_address=true',
          '--secret-ref',
          'stripe=aws-sm:prod/stripe',
        ],
      ]
      const missing = await init(options)
      expect(missing.exitCode).toBe(1)
      expect(readdirSync(folder)).toEqual([])
      const { SecretsManagerClient, CreateSecretCommand } =
        await import('@aws-sdk/client-secrets-manager')
      const client = new SecretsManagerClient({ region: 'eu-central-1', endpoint: moto.url })
      await client.send(new CreateSecretCommand({ Name: 'prod/stripe', SecretString: KEY }))
      const found = await init(options)
      expect(found.words).not.toContain(KEY)
      expect(found.exitCode).toBe(0)
      expect(config()).toContain('credential: aws-sm:prod/stripe')
    } finally {
      process.env = before
      await moto.close()
    }
  })
})
