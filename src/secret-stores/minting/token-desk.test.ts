import { beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../base/errors.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { CredentialForm } from '../../catalog/service.ts'
import type { Credential, CredentialProblem } from '../../secret/credential-source.ts'
import type { TokenDesk } from '../../secret/handed-token.ts'
import { Secret } from '../../secret/secret.ts'
import type { Mint } from './mint.ts'
import { createMintedSource } from './minted.ts'
import { createTokenDesk, type Rotated } from './token-desk.ts'

const API = 'https://api.example'
const TOKENS = 'https://id.example'
const LIFE_MS = 3_600_000

const FORMS: readonly CredentialForm[] = [
  {
    type: 'oauth2_refresh',
    fields: [
      { name: 'client_id', secret: false, optional: false },
      { name: 'refresh_token', secret: true, optional: false },
    ],
    mint: {
      ...{ grant: 'oauth2_refresh', url: `${TOKENS}/token`, clientAuth: 'basic', body: 'form' },
      ...{ scope: undefined, audience: undefined, ca: undefined, allowPrivateAddress: false },
    },
  },
  { type: 'access_token', fields: [{ name: 'secret', secret: true, optional: false }] },
]

let now: number
let stored: Credential
let sealedFor: readonly string[]
let mint: Mint
let used: string[]
let kept: Rotated[]
let keep: (rotated: Rotated) => Promise<boolean>
let forgotten: number
let logged: string[]

const text = (credential: Pick<Credential, 'fields'>, name: string) =>
  credential.fields.get(name)?.reveal()

function aCredential(fields: Record<string, string>, version = 'v1'): Credential {
  const entries = Object.entries(fields).map(([name, value]) => [name, new Secret(value)] as const)
  return { name: 'acme', version, fields: new Map(entries) }
}

const refreshing = (refreshToken = 'r1', version = 'v1') =>
  aCredential({ client_id: 'id', refresh_token: refreshToken }, version)

beforeEach(() => {
  now = 1_000_000
  stored = refreshing()
  sealedFor = [API, TOKENS]
  used = []
  kept = []
  forgotten = 0
  logged = []
  keep = async (rotated) => {
    kept.push(rotated)
    const version = `v${Number(rotated.version.slice(1)) + 1}`
    stored = { name: 'acme', version, fields: rotated.fields }
    return true
  }
  mint = async (_rule, fields) => {
    used.push(text({ fields }, 'refresh_token') ?? '')
    const minted = new Map([['secret', new Secret(`token-${used.length}`)]])
    return { fields: minted, expiresAt: now + LIFE_MS, refreshToken: undefined }
  }
})

/** Each exchange gives the refresh token after it: r2, r3, ... */
const rotating: Mint = async (rule, fields) => {
  const refreshToken = new Secret(`r${used.length + 2}`)
  return { ...(await plain(rule, fields)), refreshToken }
}
const plain: Mint = async (_rule, fields) => {
  used.push(text({ fields }, 'refresh_token') ?? '')
  const minted = new Map([['secret', new Secret(`token-${used.length}`)]])
  return { fields: minted, expiresAt: now + LIFE_MS, refreshToken: undefined }
}

const find = (origin: string): Result<Credential, CredentialProblem> =>
  sealedFor.includes(origin) ? ok(stored) : err({ reason: 'origin_not_sealed' })

const log = {
  ...{ debug: () => undefined, info: () => undefined },
  warn: (event: string) => {
    logged.push(event)
  },
  error: (event: string) => {
    logged.push(event)
  },
}

const LOADED = [new Secret('a refresh token')]

const source = {
  get: (_name: string, origin: string) => Promise.resolve(find(origin)),
  peek: (_name: string, origin: string) => find(origin),
  reconsider: () => undefined,
  forget: () => {
    forgotten++
  },
  loaded: () => LOADED,
}

const openDesk = (): TokenDesk =>
  createTokenDesk({
    ...{ stored: source, formsOf: () => FORMS, now: () => now, random: () => 1, log },
    mint: (rule, fields) => mint(rule, fields),
    keep: (rotated) => keep(rotated),
  })

describe('the token desk', () => {
  it('mints once however many ask at once, and again before the end of the token', async () => {
    const desk = openDesk()
    const all = await Promise.all(Array.from({ length: 5000 }, () => desk.take('acme')))
    expect(new Set(all.map((one) => one.ok && one.value.id))).toEqual(new Set(['1']))
    expect(used).toEqual(['r1'])
    now += LIFE_MS * 0.9
    await desk.take('acme')
    await new Promise((resolve) => setImmediate(resolve))
    const later = await desk.take('acme')
    expect(later.ok && later.value.fields.get('secret')?.reveal()).toBe('token-2')
  })

  it('gives an early token on while no other one can be had, and not beyond its life', async () => {
    const desk = openDesk()
    await desk.take('acme')
    mint = () => Promise.reject(new Failure('secret_store_unavailable', 'down'))
    now += LIFE_MS * 0.95
    expect((await desk.take('acme')).ok).toBe(true)
    now += LIFE_MS * 0.05
    expect(await desk.take('acme')).toEqual(err({ reason: 'secret_unavailable' }))
    expect(logged).toContain('token_not_minted')
  })

  it('tries another token once an upstream would not take this one, but not at each word of it', async () => {
    const desk = openDesk()
    await desk.take('acme')
    now += 61_000
    expect(await desk.take('acme', '1')).toMatchObject({ value: { id: '2' } })
    expect(await desk.take('acme', '1')).toMatchObject({ value: { id: '2' } })
    expect(await desk.take('acme', '2')).toMatchObject({ value: { id: '2' } })
    now += 59_000
    expect(await desk.take('acme', '2')).toMatchObject({ value: { id: '2' } })
    expect(used).toHaveLength(2)
  })

  it('mints anew once another credential is stored', async () => {
    const desk = openDesk()
    await desk.take('acme')
    stored = refreshing('other', 'v5')
    await desk.take('acme')
    expect(used).toEqual(['r1', 'other'])
  })

  it('says that the credential is refused, and does not ask again at once', async () => {
    mint = () => {
      used.push('asked')
      return Promise.reject(new Failure('secret_invalid', 'invalid_grant'))
    }
    const desk = openDesk()
    for (let time = 0; time < 10; time++)
      expect(await desk.take('acme')).toEqual(err({ reason: 'secret_unavailable' }))
    expect(used).toHaveLength(1)
    expect(logged).toEqual(['token_refused'])
  })

  it('sends a credential nowhere that it is not sealed for', async () => {
    sealedFor = [API]
    expect(await openDesk().take('acme')).toEqual(err({ reason: 'origin_not_sealed' }))
    expect(used).toEqual([])
  })
})

describe('what people are told of a token', () => {
  it('is nothing before anybody needed one, and then when it ends and is replaced', async () => {
    const desk = openDesk()
    expect(desk.state('acme')).toBeUndefined()
    await desk.take('acme')
    const state = desk.state('acme')
    expect(state).toEqual({
      ...{ version: 'v1.1', fetchedAt: now, expiresAt: now + LIFE_MS },
      refreshAt: expect.any(Number) as number,
    })
    expect(state?.refreshAt).toBeGreaterThan(now)
    expect(state?.refreshAt).toBeLessThan(now + LIFE_MS)
    desk.forget('acme')
    expect(desk.state('acme')).toBeUndefined()
  })

  it.each([
    new Failure('secret_invalid', 'the token endpoint says invalid_grant'),
    new Failure('secret_store_unavailable', 'the token endpoint answered 503'),
  ])('is why there is none: $message', async (failure) => {
    mint = () => Promise.reject(failure)
    const desk = openDesk()
    await desk.take('acme')
    expect(desk.state('acme')).toEqual({ lastError: { at: now, problem: failure.message } })
    mint = plain
    now += 6000
    await desk.take('acme')
    expect(desk.state('acme')).not.toHaveProperty('lastError')
  })

  it('is never a foreign word', async () => {
    mint = () => Promise.reject(new Error('canary3f9d2c'))
    const desk = openDesk()
    await desk.take('acme')
    expect(desk.state('acme')).toEqual({ lastError: { at: now, problem: 'unexpected error' } })
  })

  it('is that the secret is not sealed for who mints, until it is', async () => {
    sealedFor = [API]
    const desk = openDesk()
    await desk.take('acme')
    expect(desk.state('acme')).toEqual({
      lastError: {
        at: now,
        problem: 'what tokens are minted from is not sealed for the token endpoint',
      },
    })
    sealedFor = [API, TOKENS]
    await desk.take('acme')
    expect(desk.state('acme')).not.toHaveProperty('lastError')
  })
})

describe('a token endpoint that has trouble', () => {
  const waits = async (desk: TokenDesk, rounds: number): Promise<number[]> => {
    const asked: number[] = []
    mint = () => {
      asked.push(now)
      return failing()
    }
    while (asked.length <= rounds) {
      await desk.take('acme')
      now += 500
    }
    return asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
  }
  let failing: () => Promise<never>

  it('is asked ever more rarely, up to a bound', async () => {
    failing = () => Promise.reject(new Failure('secret_store_unavailable', 'it answered 503'))
    expect(await waits(openDesk(), 5)).toEqual([5000, 10_000, 20_000, 30_000, 30_000])
  })

  it('is left alone for as long as it asks', async () => {
    const rest = { retryAfterSeconds: 100 }
    failing = () => Promise.reject(new Failure('secret_store_unavailable', 'it answered 429', rest))
    // A fifth more at most, so that those who were turned away do not come back all at once.
    expect(await waits(openDesk(), 2)).toEqual([120_000, 120_000])
  })
})

describe('a refresh token that was exchanged for another one', () => {
  beforeEach(() => {
    mint = rotating
  })

  it('is kept before anybody gets what came with it', async () => {
    const waiting = Promise.withResolvers<undefined>()
    const keepAtOnce = keep
    keep = async (rotated) => {
      await waiting.promise
      return keepAtOnce(rotated)
    }
    let isTaken = false
    const taking = openDesk()
      .take('acme')
      .then((taken) => {
        isTaken = true
        return taken
      })
    await new Promise((resolve) => setImmediate(resolve))
    expect([used.length, isTaken]).toEqual([1, false])
    waiting.resolve(undefined)
    expect((await taking).ok).toBe(true)
    expect(kept.map((one) => text(one, 'refresh_token'))).toEqual(['r2'])
    expect(forgotten).toBe(1)
  })

  it('is used from then on, by the version that it was kept as', async () => {
    const desk = openDesk()
    await desk.take('acme')
    desk.forget('acme')
    await desk.take('acme')
    expect(used).toEqual(['r1', 'r2'])
    expect(kept.map(({ version }) => version)).toEqual(['v1', 'v2'])
    await desk.take('acme')
    expect(used).toHaveLength(2)
  })

  it('is not lost when it could not be kept: nobody gets a token until it is', async () => {
    const keepWell = keep
    keep = () => Promise.reject(new Failure('database_unavailable', 'busy'))
    const desk = openDesk()
    expect(await desk.take('acme')).toEqual(err({ reason: 'secret_unavailable' }))
    keep = keepWell
    now += 6000
    expect((await desk.take('acme')).ok).toBe(true)
    expect(used).toEqual(['r1', 'r2'])
    expect(kept.map((one) => text(one, 'refresh_token'))).toEqual(['r2', 'r3'])
  })

  it('lives in memory where the credential comes from a place that takes none', async () => {
    keep = () => Promise.resolve(false)
    const desk = openDesk()
    for (let time = 0; time < 3; time++) {
      expect((await desk.take('acme')).ok).toBe(true)
      desk.forget('acme')
    }
    expect(used).toEqual(['r1', 'r2', 'r3'])
    expect(logged).toContain('refresh_token_in_memory')
  })

  it('gives way to a credential that somebody stored meanwhile', async () => {
    keep = async () => {
      stored = refreshing('new', 'v9')
      throw new Failure('secret_store_unavailable', 'changed')
    }
    const desk = openDesk()
    await desk.take('acme')
    mint = plain
    now += 6000
    expect((await desk.take('acme')).ok).toBe(true)
    expect(used).toEqual(['r1', 'new'])
  })
})

describe('a credential from which tokens are minted', () => {
  const open = (desk: TokenDesk = openDesk()) =>
    createMintedSource({
      ...{ stored: source, formsOf: () => FORMS, desk, now: () => now, random: () => 1, log },
    })

  it('is its token in requests, and nothing that is secret in what is stored', async () => {
    const minted = open()
    expect(minted.peek('acme', API)).toBeUndefined()
    const got = await minted.get('acme', API)
    expect(got.ok && [...got.value.fields].map(([name, value]) => [name, value.reveal()])).toEqual([
      ['client_id', 'id'],
      ['secret', 'token-1'],
    ])
    expect(minted.peek('acme', API)).toBe(got)
  })

  it('is in memory with what it was minted from, as one list until one of them changes', async () => {
    const minted = open()
    expect(minted.loaded()).toEqual(LOADED)
    await minted.get('acme', API)
    const loaded = minted.loaded()
    expect(loaded.map((secret) => secret.reveal())).toEqual(['a refresh token', 'token-1'])
    expect(minted.loaded()).toBe(loaded)
    minted.forget('acme')
    expect(minted.loaded()).toEqual(LOADED)
  })

  it('goes only where it is sealed for', async () => {
    expect(await open().get('acme', 'https://evil.example')).toEqual(
      err({ reason: 'origin_not_sealed' }),
    )
    expect(used).toEqual([])
  })

  it('is replaced when the upstream refuses its token', async () => {
    const minted = open()
    await minted.get('acme', API)
    now += 61_000
    minted.reconsider('acme')
    expect(minted.peek('acme', API)).toBeUndefined()
    const next = await minted.get('acme', API)
    expect(next.ok && text(next.value, 'secret')).toBe('token-2')
  })

  it('counts no longer once another version is stored', async () => {
    const minted = open()
    await minted.get('acme', API)
    stored = refreshing('other', 'v2')
    expect(minted.peek('acme', API)).toBeUndefined()
    const next = await minted.get('acme', API)
    expect(next.ok && text(next.value, 'secret')).toBe('token-2')
  })

  it('that is an access token already goes out as it is', async () => {
    stored = aCredential({ secret: 'static' })
    expect(open().peek('acme', API)).toEqual(ok(stored))
    expect(used).toEqual([])
  })
})
