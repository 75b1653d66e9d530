import { describe, expect, it } from 'vitest'
import { ORIGIN } from '../../test/contract/secret-store-openers.ts'
import { Failure } from '../base/errors.ts'
import type { Log, LogFields } from '../base/log.ts'
import type { SourceReference } from '../secret/reference.ts'
import type { StoredSecret } from '../secret/secret-store.ts'
import { Secret } from '../secret/secret.ts'
import { createCredentialSource, SOURCE_LIMITS, type CredentialSourceParts } from './sources.ts'

const CANARY = 'canary3f9d2c'
const stored = (value: string, origins?: string[]): StoredSecret => ({
  fields: new Map([['secret', new Secret(value)]]),
  version: 'v1',
  ...(origins && { origins }),
})

/** A source over one scripted store, with what it logged and how often it read. */
function open(
  read: (ref: string) => Promise<StoredSecret | undefined>,
  overrides: Partial<CredentialSourceParts> = {},
) {
  const world = {
    now: 1_800_000_000_000,
    reads: [] as string[],
    lines: [] as [string, LogFields | undefined][],
  }
  const references = new Map<string, SourceReference>([
    ['stripe', { source: 'vault', name: 'stripe' }],
    ['openai', { source: 'env', variable: 'OPENAI_KEY' }],
    ['twilio', { source: 'file', path: '/run/secrets/twilio' }],
  ])
  const store = {
    read: (ref: string) => {
      world.reads.push(ref)
      return read(ref)
    },
  }
  const note = (event: string, fields?: LogFields) => void world.lines.push([event, fields])
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const source = createCredentialSource({
    references: () => references,
    stores: { vault: store, env: store, file: store, hashicorp: store, 'aws-sm': store },
    shapeOf: () => undefined,
    now: () => world.now,
    random: () => 0,
    log,
    ...overrides,
  })
  return { source, references, world }
}

const always = (value: StoredSecret | undefined) => () => Promise.resolve(value)

describe('a credential source', () => {
  it.each([
    ['stripe', 'stripe'],
    ['openai', 'OPENAI_KEY'],
    ['twilio', '/run/secrets/twilio'],
  ])('asks the store of %s for %s', async (name, place) => {
    const { source, world } = open(always(stored('value', [ORIGIN])))
    await source.get(name, ORIGIN)
    expect(world.reads).toEqual([place])
  })

  it.each([
    ['stripe', 299_999, 300_000],
    ['twilio', 9_999, 10_000],
  ])('remembers %s for %i ms', async (name, fresh, expired) => {
    const { source, world } = open(always(stored('value', [ORIGIN])))
    await source.get(name, ORIGIN)
    world.now += fresh
    await source.get(name, ORIGIN)
    expect(world.reads).toHaveLength(1)
    world.now += expired - fresh
    await source.get(name, ORIGIN)
    expect(world.reads).toHaveLength(2)
  })

  it('remembers a variable for ever', async () => {
    const { source, world } = open(always(stored('value')))
    await source.get('openai', ORIGIN)
    world.now += 1e12
    await source.get('openai', ORIGIN)
    expect(world.reads).toHaveLength(1)
  })

  it('splits a text by the forms of the service, once', async () => {
    const { source } = open(always(stored('SK1:pass\n')), {
      shapeOf: () => ({
        forms: [
          {
            type: 'basic',
            fields: ['username', 'secret'].map((name) => ({ name, secret: true, optional: false })),
          },
        ],
      }),
    })
    const found = await source.get('twilio', ORIGIN)
    const fields = found.ok ? [...found.value.fields].map(([k, v]) => [k, v.reveal()]) : []
    expect(fields).toEqual([
      ['username', 'SK1'],
      ['secret', 'pass'],
    ])
  })

  it('CE-11 refuses a text that cannot be split, and logs why without the text', async () => {
    const { source, world } = open(always(stored(`${CANARY}\nX-Injected: 1`)))
    expect(await source.get('twilio', ORIGIN)).toMatchObject({
      error: { reason: 'secret_unavailable' },
    })
    expect(world.lines).toEqual([
      ['secret_unusable', { name: 'twilio', problem: 'secret has a line break in it' }],
    ])
  })

  it('warns of a value that looks unusual and uses it', async () => {
    const { source, world } = open(always(stored(CANARY)), {
      shapeOf: () => ({
        forms: [
          {
            type: 'api_key',
            fields: [{ name: 'secret', secret: true, optional: false, pattern: /^sk-/ }],
          },
        ],
      }),
    })
    expect(await source.get('openai', ORIGIN)).toMatchObject({ ok: true })
    expect(world.lines.map(([event]) => event)).toEqual(['secret_unusual'])
    expect(JSON.stringify(world.lines)).not.toContain(CANARY)
  })

  it('CE-07 never lets a vault secret go anywhere when it names no origin', async () => {
    const { source } = open(always(stored('value')))
    expect(await source.get('stripe', ORIGIN)).toMatchObject({
      error: { reason: 'origin_not_sealed' },
    })
  })

  it('CE-07 takes the configuration’s word for sources that seal no origin', async () => {
    const configured = new Set([ORIGIN])
    const { source } = open(always(stored('value')), { originsOf: () => configured })
    expect(await source.get('openai', ORIGIN)).toMatchObject({ ok: true })
    expect(await source.get('openai', 'https://evil.example')).toMatchObject({ ok: false })
  })

  it('reads again when the configuration names another place', async () => {
    const { source, references, world } = open(always(stored('value', [ORIGIN])))
    await source.get('stripe', ORIGIN)
    references.set('stripe', { source: 'vault', name: 'stripe' })
    await source.get('stripe', ORIGIN)
    expect(world.reads).toEqual(['stripe'])
    references.set('stripe', { source: 'env', variable: 'STRIPE_KEY' })
    await source.get('stripe', ORIGIN)
    expect(world.reads).toEqual(['stripe', 'STRIPE_KEY'])
    references.delete('stripe')
    expect(await source.get('stripe', ORIGIN)).toMatchObject({
      error: { reason: 'credential_not_configured' },
    })
  })

  it('serves a known value while the store is down, within the bound, and says so', async () => {
    let isDown = false
    const down = new Failure('secret_store_unavailable', 'the vault cannot be read')
    const { source, world } = open(() =>
      isDown ? Promise.reject(down) : Promise.resolve(stored('value', [ORIGIN])),
    )
    await source.get('stripe', ORIGIN)
    isDown = true
    world.now += 1_199_000
    expect(await source.get('stripe', ORIGIN)).toMatchObject({ ok: true })
    expect(world.lines).toEqual([
      [
        'secret_store_down',
        { name: 'stripe', isStaleUsed: true, problem: 'the vault cannot be read' },
      ],
    ])
    world.now += 1_000
    expect(await source.get('stripe', ORIGIN)).toMatchObject({
      error: { reason: 'secret_unavailable' },
    })
  })

  it('does not serve a known value when what the store holds now cannot be used', async () => {
    let isBad = false
    const bad = new Failure('secret_invalid', 'stripe: the sealed envelope is malformed')
    const { source, world } = open(() =>
      isBad ? Promise.reject(bad) : Promise.resolve(stored('value', [ORIGIN])),
    )
    await source.get('stripe', ORIGIN)
    isBad = true
    world.now += 300_000
    expect(await source.get('stripe', ORIGIN)).toMatchObject({
      error: { reason: 'secret_unavailable' },
    })
  })

  it('gives up on a store that does not answer', async () => {
    const { source, world } = open(() => new Promise(() => undefined), {
      limits: { ...SOURCE_LIMITS, timeoutMs: 5 },
    })
    expect(await source.get('stripe', ORIGIN)).toMatchObject({
      error: { reason: 'secret_unavailable' },
    })
    expect(world.lines[0]?.[1]).toMatchObject({ problem: 'the store did not answer in time' })
  })

  it('CE-12 never logs the words of a foreign error', async () => {
    const { source, world } = open(() => Promise.reject(new Error(`cannot parse ${CANARY}`)))
    await source.get('stripe', ORIGIN)
    expect(JSON.stringify(world.lines)).not.toContain(CANARY)
  })

  it('AV-08 asks the store once for many at once', async () => {
    const { source, world } = open(always(stored('value', [ORIGIN])))
    const all = await Promise.all(Array.from({ length: 1000 }, () => source.get('stripe', ORIGIN)))
    expect(all.every((found) => found.ok)).toBe(true)
    expect(world.reads).toHaveLength(1)
  })

  it('says whether there is something from what it knows, and asks as rarely as for requests', async () => {
    const { source, references, world } = open(always(stored('value')))
    references.set('github', { source: 'hashicorp', place: 'secret/data/github' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => source.isConfigured('github')),
    )
    expect(new Set(answers)).toEqual(new Set([true]))
    world.now += 299_999
    expect(await source.isConfigured('github')).toBe(true)
    expect(world.reads).toEqual(['secret/data/github'])
    references.set('github', { source: 'hashicorp', place: 'secret/data/github-2' })
    expect(await source.isConfigured('github')).toBe(true)
    expect(world.reads).toEqual(['secret/data/github', 'secret/data/github-2'])
    references.delete('github')
    expect(await source.isConfigured('github')).toBe(false)
  })

  it('says that there is nothing, for a moment without asking again', async () => {
    let isThere = false
    const { source, references, world } = open(() =>
      Promise.resolve(isThere ? stored('value') : undefined),
    )
    references.set('github', { source: 'hashicorp', place: 'secret/data/github' })
    expect(await source.isConfigured('github')).toBe(false)
    isThere = true
    world.now += 999
    expect(await source.isConfigured('github')).toBe(false)
    expect(world.reads).toHaveLength(1)
    world.now += 1
    expect(await source.isConfigured('github')).toBe(true)
  })

  it('says that there is something while the store is down and the value still serves', async () => {
    let isDown = false
    const { source, references, world } = open(() =>
      isDown
        ? Promise.reject(new Failure('secret_store_unavailable', 'no connection'))
        : Promise.resolve(stored('value')),
    )
    references.set('github', { source: 'hashicorp', place: 'secret/data/github' })
    await source.isConfigured('github')
    isDown = true
    world.now += 1_199_999
    expect(await source.isConfigured('github')).toBe(true)
    world.now += 1
    expect(await source.isConfigured('github')).toBe(false)
    expect(await source.isConfigured('github')).toBe(false)
    expect(world.reads).toHaveLength(2)
  })

  it('reads again after a doubt, at most once in ten seconds', async () => {
    const { source, world } = open(always(stored('value', [ORIGIN])))
    await source.get('stripe', ORIGIN)
    for (let second = 0; second < 25; second++) {
      world.now += 1000
      source.reconsider('stripe')
      await source.get('stripe', ORIGIN)
    }
    expect(world.reads).toHaveLength(3)
  })
})

describe('what is in memory', () => {
  it('is the secret fields of what was asked for, as one list until that changes', async () => {
    const fields = new Map([
      ['account_id', new Secret('public')],
      ['auth_token', new Secret('private')],
    ])
    const form = ['account_id', 'auth_token'].map((name) => ({
      ...{ name, optional: false, secret: name === 'auth_token' },
    }))
    const { source, world } = open(always({ fields, version: 'v1', origins: [ORIGIN] }), {
      shapeOf: () => ({ forms: [{ type: 'basic', fields: form }] }),
    })
    expect(source.loaded()).toEqual([])
    await source.get('stripe', ORIGIN)
    const loaded = source.loaded()
    expect(loaded).toEqual([fields.get('auth_token')])
    world.now += 1000
    await source.get('stripe', ORIGIN)
    expect(await source.get('unheard-of', ORIGIN)).toMatchObject({ ok: false })
    expect(source.loaded()).toBe(loaded)
    source.forget('stripe')
    expect(source.loaded()).toEqual([])
  })
})

describe('what people are told of a secret', () => {
  const stateOf = (source: ReturnType<typeof open>['source'], name: string) =>
    source.states().find((state) => state.name === name)

  it('says that there is nothing at its place, and then that there is', async () => {
    let isThere = false
    const { source, world } = open(() => Promise.resolve(isThere ? stored('value') : undefined))
    await source.get('openai', ORIGIN)
    expect(stateOf(source, 'openai')).toEqual({
      ...{ name: 'openai', source: 'env:OPENAI_KEY' },
      lastError: { at: world.now, problem: 'there is nothing at that place' },
    })
    isThere = true
    world.now += 1000
    await source.get('openai', ORIGIN)
    expect(stateOf(source, 'openai')).toMatchObject({ version: 'v1' })
    expect(stateOf(source, 'openai')).not.toHaveProperty('lastError')
  })

  it('says that it was deleted when it had been there', async () => {
    let isThere = true
    const { source, world } = open(() =>
      Promise.resolve(isThere ? stored('value', [ORIGIN]) : undefined),
    )
    await source.get('stripe', ORIGIN)
    isThere = false
    world.now += 300_000
    await source.get('stripe', ORIGIN)
    expect(stateOf(source, 'stripe')).toEqual({
      ...{ name: 'stripe', source: 'vault:stripe' },
      lastError: { at: world.now, problem: 'there is nothing at that place' },
    })
  })

  it.each([
    ['a value that cannot be split', always(stored(`${CANARY}\nX-Injected: 1`)), 'a line break'],
    [
      'a value that its store cannot open',
      () => Promise.reject(new Failure('secret_invalid', 'the sealed envelope is malformed')),
      'the sealed envelope is malformed',
    ],
  ])('CE-12 says why %s is not used, and never what it is', async (_what, read, why) => {
    const { source, world } = open(read)
    await source.get('twilio', ORIGIN)
    const state = stateOf(source, 'twilio')
    expect(state?.lastError?.at).toBe(world.now)
    expect(state?.lastError?.problem).toContain('its value cannot be used: ')
    expect(state?.lastError?.problem).toContain(why)
    expect(JSON.stringify(source.states())).not.toContain(CANARY)
  })

  it('is what a store that is down said last, not what it said before', async () => {
    let isDown = false
    const { source, world } = open(() =>
      isDown
        ? Promise.reject(new Failure('secret_store_unavailable', 'no connection'))
        : Promise.resolve(undefined),
    )
    await source.get('stripe', ORIGIN)
    isDown = true
    world.now += 1000
    await source.get('stripe', ORIGIN)
    expect(stateOf(source, 'stripe')?.lastError).toEqual({
      at: world.now,
      problem: 'no connection',
    })
  })
})
