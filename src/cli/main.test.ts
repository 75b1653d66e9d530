import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from './main.ts'
import { aTerminal } from './terminal.testing.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'cli-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

async function runHere(line: string, env: Record<string, string> = {}) {
  const terminal = aTerminal({ workingDirectory: folder, env: { HOME: folder, ...env } })
  const exitCode = await run(line.split(' ').filter(Boolean), terminal)
  return { exitCode, printed: terminal.printed.join('\n'), noted: terminal.noted.join('\n') }
}

/** Every command that needs a configuration, with arguments that are well-formed. */
const COMMANDS = [
  'start',
  'stop',
  'status',
  'logs',
  'serve',
  'serve --env production',
  'token issue --agent a --scopes stripe:read',
  'token list',
  'token inspect tok_00000000000000000000',
  'token revoke tok_00000000000000000000',
  'token revoke --agent a',
  'agent list',
  'agent show a',
  'agent disable a',
  'agent enable a',
  'operator list',
  'operator add a',
  'operator remove a',
  'secret list',
  'secret set stripe',
  'secret set stripe --source env:STRIPE_KEY',
  'secret rotate stripe',
  'secret delete stripe',
  'service list',
  'service show stripe',
  'service add file.yaml',
  'service set stripe --origin https://localhost:1',
  'service test GET https://api.stripe.com/v1/charges',
  'audit query',
  'alert list',
  'alert ack alt_00000000000000000000',
  'alert mute --rule two_places --for 8h --reason r',
  'alert mutes',
  'alert unmute mut_00000000000000000000',
  'alert test',
  'doctor',
]

describe('in an empty folder', () => {
  it.each(COMMANDS)('%s says that there is no configuration, and creates nothing', async (line) => {
    const { exitCode, printed, noted } = await runHere(line)
    expect(noted).toMatch(/^error: there is no configuration here .*apistronghold init/)
    expect([exitCode, printed]).toEqual([1, ''])
    expect(readdirSync(folder)).toEqual([])
  })

  it('says so in JSON for machines', async () => {
    const { noted } = await runHere('token list --json')
    expect(JSON.parse(noted)).toMatchObject({ error: { code: 'config_missing' } })
  })
})

describe('wrong usage ends with 2', () => {
  it.each([
    ['', 'Usage: apistronghold'],
    ['token', 'Usage: apistronghold token'],
    ['tokn list', "unknown command 'tokn'"],
    ['token isue', "unknown command 'isue'"],
    ['token issue --agent a', "required option '--scopes <list>' not specified"],
    ['token issue --agent a --scopes b --format xml', 'Allowed choices are opaque, jwt'],
    ['token list --unknown', "unknown option '--unknown'"],
    ['token inspect', "missing required argument 'id'"],
    ['secret set stripe one two', 'too many arguments'],
    ['operator add a --role king', 'Allowed choices are admin, issuer, auditor'],
    ['init --env production', 'add --yes'],
    ['init --yes --env Production', 'lower-case letters'],
    ['init --yes --services strpe', 'did you mean "stripe"'],
    ['init --yes --services linear', 'linear cannot be used yet'],
    ['init --yes --import-secret stripe=env:NOT_SET', 'the variable NOT_SET is not set'],
    ['init --yes --import-secret stripe=file:none', 'cannot read none'],
    ['init --yes --import-secret stripe', '--import-secret takes NAME=VALUE'],
    ['init --yes --secret-ref stripe=vaultt:x', 'vault:, env:, file:, hashicorp: or aws-sm:'],
    ['init --yes --operator a/b', '--operator takes'],
    ['init --yes --signing-key none', 'cannot read none'],
    ['init --yes --listen everywhere', '--listen takes HOST:PORT'],
    ['init --yes --service-listen stripe=8910', '--service-listen takes HOST:PORT'],
    ['login nowhere', 'by its URL'],
  ])('%s', async (line, words) => {
    const { exitCode, noted } = await runHere(line)
    expect(noted).toContain(words)
    expect(exitCode).toBe(2)
    expect(readdirSync(folder)).toEqual([])
  })

  it.each([
    ['production beyond loopback', '--listen 0.0.0.0:8900', 'needs TLS'],
    ['a service port for nothing', '--service-listen strpe=127.0.0.1:1', 'did you mean "stripe"'],
  ])('init refuses %s before it makes anything', async (_case, option, words) => {
    const { exitCode, noted } = await runHere(`init --yes ${option}`)
    expect(noted).toContain(words)
    expect(exitCode).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('AD-06 a real secret in an argument', () => {
  it.each([
    ['a Stripe key', 'secret set stripe sk_live_4eC39HqLyjWDarjtT1zdp7dc'],
    ['a key inside an option', 'secret set openai --field secret=sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2'],
    ['an operator key', `login https://a.example ok_live_${'a1B2c3'.repeat(6)}`],
  ])('is refused with advice and not repeated: %s', async (_case, line) => {
    const { exitCode, noted } = await runHere(line)
    expect(exitCode).toBe(2)
    expect(noted).toContain('an argument looks like a real secret')
    expect(noted).not.toContain(line.split(/[ =]/).at(-1))
  })
})

describe('help', () => {
  it.each(['--help', 'token issue --help', 'help init', '--version'])(
    '%s ends with 0',
    async (line) => {
      const { exitCode, printed } = await runHere(line)
      expect(exitCode).toBe(0)
      expect(printed).not.toBe('')
    },
  )

  it('completes every command', async () => {
    const { printed } = await runHere('completion bash')
    expect(printed).toContain("'token issue') words='--agent --scopes")
  })
})

it('a mistake in the configuration is told with its line by every command', async () => {
  writeFileSync(
    join(folder, 'apistronghold.yaml'),
    'version: 1\nenvironments:\n  production: {dta: {}}\n',
  )
  const { exitCode, noted } = await runHere('token list')
  expect(noted).toContain('line 3, column 16: there is no setting "dta" here; did you mean "data"?')
  expect(exitCode).toBe(1)
})
