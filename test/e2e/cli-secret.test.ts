import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findInDirectory, makeKey } from '../support/canary.ts'
import { startCliFolder, type CliFolder } from '../support/cli-folder.ts'
import { run, runWell } from '../support/command.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'

let folder: CliFolder
beforeAll(async () => {
  folder = await startCliFolder()
})
afterAll(() => folder.end())

const place = (input?: string) => folder.place(input)
const json = (...args: readonly string[]) => folder.json(...args)

describe('a secret', () => {
  const first = makeKey('sk_test_')
  const second = makeKey('sk_test_')

  it('comes from standard input, and only ciphertext is kept', async () => {
    const { code, stdout, stderr } = await run(['secret', 'set', 'stripe'], place(`${first}\n`))
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^stripe version 1 sealed for https:\/\/api.stripe.com and \d more and stored \(production at http/,
    )
    expect(findInDirectory(folder.path, first)).toEqual([])
  })

  it('is rotated without a word to the agents', async () => {
    expect(await runWell(['secret', 'rotate', 'stripe'], place(second))).toContain(
      'stripe version 2',
    )
    expect(await json('secret', 'list')).toMatchObject({
      items: [{ name: 'stripe', source: 'vault', version: 2 }],
    })
    expect(findInDirectory(folder.path, second)).toEqual([])
  })

  it.each([
    ['a name that no service uses', ['strpe'], 'key', 'did you mean "stripe"'],
    ['an empty value', ['stripe'], '', 'holds no value'],
    ['a value of two lines', ['stripe'], 'sk_test_abcdefghijkl\nmore', 'line break'],
    [
      'a field with its value in the argument',
      ['stripe', '--field', 'secret=abc'],
      '',
      'takes -, env:NAME or file:PATH',
    ],
    ['half of a pair', ['twilio', '--field', 'secret=-'], 'abc', 'account_sid'],
  ])('is refused with exit 2 when it is %s', async (_case, args, ...[input, words]) => {
    const { code, stderr } = await run(['secret', 'set', ...args], place(input))
    expect(stderr).toContain(words)
    expect(code).toBe(2)
  })

  it('has several fields where its service needs them', async () => {
    const fields = ['--field', `account_sid=AC${'0'.repeat(32)}`, '--field', 'username=SK1']
    const set = ['secret', 'set', 'twilio', ...fields, '--field', 'secret=-']
    expect(await runWell(set, place('hush\n'))).toContain('twilio version 1')
  })

  it('is deleted by name, once, and comes back above every version it had', async () => {
    expect(await runWell(['secret', 'delete', 'twilio'], place())).toContain('twilio deleted')
    expect(await run(['secret', 'delete', 'twilio'], place())).toMatchObject({ code: 4 })
    expect(await run(['secret', 'rotate', 'twilio'], place('x'))).toMatchObject({ code: 4 })
    const pair = `{"account_sid": "AC${'0'.repeat(32)}", "username": "SK1", "secret": "hush"}`
    expect(await runWell(['secret', 'set', 'twilio'], place(pair))).toContain('twilio version 2')
    await runWell(['secret', 'delete', 'twilio'], place())
  })
})

describe('tokens', () => {
  const issue = (...more: string[]) => ['token', 'issue', '--agent', 'a', ...more]

  it.each([
    ['an unknown scope', ['--scopes', 'stripe:raed'], 'stripe:read'],
    ['an unknown service', ['--scopes', 'strpe:read'], 'stripe:read'],
    ['a wildcard', ['--scopes', 'stripe:*'], 'stripe:'],
    ['a service without a credential', ['--scopes', 'slack:read'], 'secret set slack'],
    ['a service that is not built yet', ['--scopes', 'linear:read'], 'GraphQL'],
    ['a bad duration', ['--scopes', 'stripe:read', '--ttl', '4x'], '30m'],
    ['too long a life', ['--scopes', 'stripe:read', '--ttl', '400d'], '1d'],
    [
      'a shape that is none',
      ['--scopes', 'stripe:read', '--shape', 'notion'],
      'these have: anthropic',
    ],
  ])('SC-15 refuses %s with exit 2 and the nearest valid name', async (_case, args, words) => {
    const { code, stdout, stderr } = await run(issue(...args), place())
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  })

  it('come as JSON, as variables, as a JWT, in the shape of a key', async () => {
    const read = issue('--scopes', 'stripe:read')
    expect(await json(...read)).toEqual({
      token: expect.stringMatching(/^pt_live_/) as string,
      id: expect.stringMatching(/^tok_/) as string,
      agent: 'a',
      scopes: ['stripe:read'],
      expiresAt: expect.any(Number) as number,
    })
    expect(await runWell([...read, '--print-env'], place())).toMatch(
      /^PROXY_URL=http:\/\/127.0.0.1:\d+\nPHANTOM_TOKEN=pt_live_\w+$/,
    )
    expect(await runWell([...read, '--format', 'jwt'], place())).toMatch(
      /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/,
    )
    expect(await runWell([...read, '--shape', 'stripe'], place())).toMatch(/^sk_live_pt_live_\w+$/)
  })

  it('AD-06 are revoked by id, by the token on standard input, and all of an agent', async () => {
    const token = await runWell(issue('--scopes', 'stripe:read', '--shape', 'stripe'), place())
    const words =
      /^tok_\w{20} \(a, production\) revoked; 0 requests cut; the Stripe key is unchanged$/
    expect(await runWell(['token', 'revoke', '-'], place(`${token}\n`))).toMatch(words)
    const { id } = (await json(...issue('--scopes', 'stripe:read'))) as { id: string }
    expect(await runWell(['token', 'revoke', id], place())).toMatch(words)
    expect(await runWell(['token', 'revoke', id], place())).toMatch(words)
    expect(await json('token', 'inspect', id)).toMatchObject({ id, status: 'revoked' })
    expect(await run(['token', 'revoke', id.slice(0, 10)], place())).toMatchObject({ code: 2 })
    expect(await run(['token', 'revoke', 'tok_00000000000000000000'], place())).toMatchObject({
      code: 4,
    })
    expect(await runWell(['token', 'revoke', '--agent', 'a'], place())).toMatch(
      /^\d tokens of a \(production\) revoked/,
    )
    expect(await json('token', 'list', '--agent', 'a')).toEqual({ items: [] })
  })

  it('stay dead when their agent is disabled and enabled again', async () => {
    const { id } = (await json(...issue('--scopes', 'stripe:read'))) as { id: string }
    expect(await runWell(['agent', 'disable', 'a'], place())).toContain('tokens revoked: 1')
    expect(await run(issue('--scopes', 'stripe:read'), place())).toMatchObject({ code: 1 })
    expect(await runWell(['agent', 'enable', 'a'], place())).toContain('may get new tokens')
    expect(await json('token', 'inspect', id)).toMatchObject({ status: 'revoked' })
    expect(await json('agent', 'show', 'a')).toMatchObject({
      name: 'a',
      disabled: false,
      tokens: [],
    })
  })

  it('leave a record of who did what', async () => {
    const { items } = (await json('audit', 'query', '--since', '1h')) as {
      items: { action?: string; operator?: string }[]
    }
    const actions = new Set(items.map(({ action }) => action))
    for (const action of [
      'token.issue',
      'token.revoke',
      'agent.disable',
      'secret.set',
      'secret.delete',
    ])
      expect(actions).toContain(action)
    expect(items.every(({ operator }) => operator !== undefined && operator !== '')).toBe(true)
  })
})

describe('an operator elsewhere', () => {
  it('logs in with a key of their own and may do what their role says', async () => {
    const key = await runWell(['operator', 'add', 'bob', '--role', 'issuer'], place())
    const { control } = (await json('status')) as { control: string }
    const far = createTemporaryDirectory()
    try {
      const there = { directory: far.path }
      const login = await run(['login', control], { ...there, input: key })
      expect([login.code, login.stderr]).toEqual([0, ''])
      expect(login.stdout).not.toContain(key)
      const token = await runWell(
        ['token', 'issue', '--agent', 'b', '--scopes', 'stripe:read'],
        there,
      )
      expect(token).toMatch(/^pt_live_/)
      const refused = await run(['operator', 'add', 'eve'], there)
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      await runWell(['operator', 'remove', 'bob'], place())
      expect((await run(['token', 'list'], there)).stderr).toContain(
        'does not accept this operator key',
      )
      const bad = await run(['login', control], { ...there, input: `ok_live_${'a'.repeat(36)}` })
      expect(bad.code).toBe(1)
      const variables = { APISTRONGHOLD_URL: 'http://127.0.0.1:1', APISTRONGHOLD_OPERATOR_KEY: key }
      expect(await run(['token', 'list'], { ...there, environment: variables })).toMatchObject({
        code: 3,
      })
      const clear = { ...variables, APISTRONGHOLD_URL: 'http://proxy.example:8901' }
      expect((await run(['token', 'list'], { ...there, environment: clear })).stderr).toContain(
        'use https',
      )
    } finally {
      far.remove()
    }
  })
})

it('files that change are read again without a restart, and wrong ones are not', async () => {
  const before = await runWell(['service', 'show', 'stripe'], place())
  const set = [
    'service',
    'set',
    'stripe',
    '--origin',
    'https://localhost:9',
    '--allow-private-address',
  ]
  expect(await runWell(set, place())).toContain('the running service was told')
  const path = join(folder.path, 'apistronghold.yaml')
  const good = readFileSync(path, 'utf8')
  writeFileSync(path, good.replace('https://localhost:9', 'http://localhost:9'))
  expect(await run(['status'], place())).toMatchObject({ code: 1 })
  writeFileSync(path, good)
  await runWell(['service', 'set', 'stripe', '--clear'], place())
  expect(await runWell(['service', 'show', 'stripe'], place())).toBe(before)
  const { items } = (await json('audit', 'query')) as { items: { action?: string }[] }
  expect(items.filter(({ action }) => action === 'settings.reload').length).toBeGreaterThan(1)
})
