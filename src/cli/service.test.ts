import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { run } from './main.ts'
import { aTerminal } from './terminal.testing.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'service-'))
  writeFileSync(
    join(folder, 'apistronghold.yaml'),
    '# ours\nversion: 1\nenvironments:\n  production: {state_dir: state}\n',
  )
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

async function service(...args: string[]) {
  const terminal = aTerminal({ workingDirectory: folder, env: { HOME: folder } })
  const exitCode = await run(['service', ...args], terminal)
  return { exitCode, printed: terminal.printed.join('\n'), noted: terminal.noted.join('\n') }
}

const config = () => readFileSync(join(folder, 'apistronghold.yaml'), 'utf8')

const OWN = `schema: 1
id: acme
extends: stripe
name: Acme
`

describe('service show', () => {
  it('prints the file as it is, with scopes keyed by name', async () => {
    const { printed } = await service('show', 'stripe', '--json')
    const shown = JSON.parse(printed) as { id: string; scopes: Record<string, { risk: string }> }
    const file = parse(
      readFileSync(join(import.meta.dirname, '../../services/stripe.yaml'), 'utf8'),
    ) as typeof shown
    expect(shown.id).toBe('stripe')
    expect(shown.scopes).toEqual(file.scopes)
    expect(shown.scopes.refund?.risk).toBe('money')
  })

  it('knows the nearest name of a service that is not there', async () => {
    const { exitCode, noted } = await service('show', 'strpe')
    expect([exitCode, noted]).toEqual([
      4,
      'error: there is no service "strpe"; did you mean "stripe"?',
    ])
  })
})

it('service list says what cannot be used yet', async () => {
  const { printed } = await service('list')
  expect(printed).toMatch(/linear .*not yet: it takes GraphQL documents only/)
  expect(printed.split('\n')).toHaveLength(20)
})

describe('service test', () => {
  it.each([
    [
      'POST https://api.stripe.com/v1/refunds',
      'stripe:refund (money)\n  by the rule POST /v1/refunds/**',
    ],
    ['get https://api.stripe.com/v1/charges', 'stripe:read (read)\n  by the rule GET /v1/**'],
    ['POST https://api.openai.com/v1/chat/completions', 'openai:inference'],
  ])('%s needs its scope', async (line, words) => {
    const { exitCode, printed } = await service('test', ...line.split(' '))
    expect(printed).toContain(words)
    expect(exitCode).toBe(0)
  })

  it.each([
    [
      'customers balance=-5000 needs refund too',
      'balance=-5000',
      ['stripe:write', 'stripe:refund'],
    ],
    ['customers email=a@b.c needs write only', 'email=a@b.c', ['stripe:write']],
  ])('%s', async (_case, body, scopes) => {
    writeFileSync(join(folder, 'body'), body)
    const { printed } = await service(
      ...['test', 'POST', 'https://api.stripe.com/v1/customers', '--body-file', 'body', '--json'],
      ...['--header', 'content-type: application/x-www-form-urlencoded'],
    )
    expect(JSON.parse(printed)).toMatchObject({ decision: 'allow', scopes })
  })

  it.each([
    [
      'a path with two readings',
      'GET https://api.stripe.com/v1/charges/../refunds',
      1,
      'dot segment',
    ],
    [
      'an operation that no rule covers',
      'POST https://api.stripe.com/v9/things',
      1,
      'no rule covers',
    ],
    ['a host of no service', 'GET https://api.example.com/', 4, 'no service of the catalogue'],
    ['a URL that is none', 'GET api.stripe.com/v1', 2, 'begins with https://'],
  ])('says why it refuses %s', async (_case, line, ...[code, words]) => {
    const { exitCode, printed, noted } = await service('test', ...line.split(' '))
    expect(`${printed}\n${noted}`).toContain(words)
    expect(exitCode).toBe(code)
  })
})

describe('service set', () => {
  it('writes where a service is dialled, and keeps what else the file says', async () => {
    const { exitCode } = await service(
      ...['set', 'stripe', '--origin', 'https://localhost:9443', '--allow-private-address'],
    )
    expect(exitCode).toBe(0)
    expect(config()).toContain('# ours\n')
    expect(parse(config())).toMatchObject({
      environments: {
        production: {
          services: { stripe: { origin: 'https://localhost:9443', allow_private_address: true } },
        },
      },
    })
    await service('set', 'stripe', '--clear', '--body-limit', '1MiB')
    expect(parse(config())).toMatchObject({
      environments: { production: { services: { stripe: { body_limit: '1MiB' } } } },
    })
    expect(config()).not.toContain('9443')
  })

  it.each([
    ['an origin with a path', ['stripe', '--origin', 'https://a.example/b'], 1],
    ['plain http', ['stripe', '--origin', 'http://a.example'], 1],
    [
      'certificates that are not there',
      ['stripe', '--origin', 'https://a.example', '--ca-file', 'none.pem'],
      1,
    ],
    ['an unknown service', ['strpe', '--origin', 'https://a.example'], 4],
    ['nothing', ['stripe'], 2],
    ['a parent that is not there', ['mock', '--extends', 'strpe'], 1],
    ['a host that is not the service’s', ['stripe', '--host', 'evil.example'], 1],
  ])('refuses %s and leaves the file alone', async (_case, args, code) => {
    const before = config()
    expect(await service('set', ...args)).toMatchObject({ exitCode: code })
    expect(config()).toBe(before)
  })

  it('makes a service of its own with the rules of another', async () => {
    expect(await service('set', 'mock', '--extends', 'stripe')).toMatchObject({ exitCode: 0 })
    expect((await service('show', 'mock')).printed).toContain('mock:refund')
  })
})

describe('service add', () => {
  const add = (text: string, ...more: string[]) => {
    writeFileSync(join(folder, 'new.yaml'), text)
    return service('add', 'new.yaml', ...more)
  }
  const target = () => join(folder, 'services', 'acme.yaml')

  it('copies a file that is sound beside the configuration', async () => {
    expect(await add(OWN)).toMatchObject({ exitCode: 0 })
    expect(readFileSync(target(), 'utf8')).toBe(OWN)
    expect((await service('show', 'acme')).printed).toContain('acme:refund')
    expect((await add(OWN)).printed).toContain('is there already')
    expect(await add(`${OWN}# other\n`)).toMatchObject({ exitCode: 1 })
    expect(await add(`${OWN}# other\n`, '--replace')).toMatchObject({ exitCode: 0 })
  })

  it.each([
    ['no YAML', 'id: [', 'not YAML'],
    ['no id', 'schema: 1\n', 'has no id'],
    ['a parent that is not there', OWN.replace('stripe', 'strpe'), 'strpe'],
    ['an unknown member', `${OWN}colour: red\n`, 'services/acme.yaml:5'],
  ])(
    'refuses a file with %s, naming where it would stand, and copies nothing',
    async (_case, text, words) => {
      const { exitCode, noted } = await add(text)
      expect(exitCode).toBe(1)
      expect(noted).toContain(words)
      expect(noted).not.toContain('apistronghold-check-')
      expect(existsSync(target())).toBe(false)
    },
  )
})
