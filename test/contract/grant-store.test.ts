import { describe, expect, it } from 'vitest'
import type { Grant } from '../../src/policy/grant.ts'
import type { Stores } from '../../src/storage/sqlite/stores.ts'
import { aGrant, NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const AGENT = 'order-processing-agent'
const id = (n: number) => `tok_${String(n).padStart(20, '0')}`

describe.each(STORE_KINDS)('a grant store %s', (_kind, open) => {
  async function openWithAgent(...names: string[]): Promise<Stores> {
    const stores = open()
    for (const name of [AGENT, ...names]) await stores.agents.ensure(name, undefined, NOW)
    return stores
  }

  /** `count` grants, each a millisecond younger than the one before. */
  async function openWithGrants(count: number, change: (n: number) => Partial<Grant> = () => ({})) {
    const stores = await openWithAgent('other')
    for (let n = 1; n <= count; n += 1) {
      const grant = aGrant({ id: id(n), issuedAt: NOW + n, ...change(n) })
      expect(await stores.grants.insert(grant, `digest-${n}`)).toBe(true)
    }
    return stores
  }

  it('finds by digest and by id what was inserted, whole', async () => {
    const { grants } = await openWithAgent()
    const grant = aGrant({
      sessionId: 'ses_1',
      scopes: new Set(['stripe:read', 'github:read']),
      services: ['github', 'stripe'],
      bindings: { cidr: ['10.0.0.0/8'], dpop: 'A'.repeat(43), firstUse: true },
      limits: { maxRequests: 5, ratePerSecond: 0.5 },
    })
    expect(await grants.insert(grant, 'digest')).toBe(true)
    expect(await grants.findByDigest('digest')).toEqual(grant)
    expect(await grants.findById(grant.id)).toEqual(grant)
  })

  it('AD-04 finds nothing for what is no digest, and treats every text as text', async () => {
    const { grants } = await openWithGrants(1)
    const strange = ["' OR 1=1--", '%', 'digest-_', '', 'DIGEST-1', 'digest-1\0', '\u0000']
    for (const text of strange) {
      expect(await grants.findByDigest(text)).toBeUndefined()
      expect(await grants.findById(text)).toBeUndefined()
      expect((await grants.list({ agent: text }, { limit: 10 })).items).toEqual([])
      expect((await grants.list({ service: text }, { limit: 10 })).items).toEqual([])
    }
  })

  it('AD-03 keeps names of Object.prototype as plain text', async () => {
    const { grants } = await openWithAgent('__proto__', 'constructor')
    const grant = aGrant({ agent: '__proto__', scopes: new Set(['stripe:constructor']) })
    await grants.insert(grant, '__proto__')
    expect((await grants.findByDigest('__proto__'))?.agent).toBe('__proto__')
    expect((await grants.list({ agent: 'constructor' }, { limit: 10 })).items).toEqual([])
    expect(await grants.findByDigest('constructor')).toBeUndefined()
  })

  it('returns revoked and expired grants, so that all bad tokens take one path', async () => {
    const { grants, revocations } = await openWithGrants(2, (n) =>
      n === 1 ? { expiresAt: 1 } : {},
    )
    await revocations.revokeGrant(id(2), NOW)
    expect((await grants.findByDigest('digest-1'))?.expiresAt).toBe(1)
    expect((await grants.findByDigest('digest-2'))?.revokedAt).toBe(NOW)
  })

  it('lists by the scopes that a grant holds', async () => {
    const scopes = [['stripe:read'], ['stripe:read', 'github:read'], ['github:write']]
    const { grants } = await openWithGrants(3, (n) => ({ scopes: new Set(scopes[n - 1]) }))
    const listed = async (...held: string[]) =>
      (await grants.list({ scopes: held }, { limit: 10 })).items.map((grant) => grant.id)
    expect(await listed('github:read', 'github:write')).toEqual([id(3), id(2)])
    expect(await listed('stripe:read')).toEqual([id(2), id(1)])
    expect(await listed('stripe', 'github:rea%')).toEqual([])
    expect(await listed()).toEqual([])
  })

  it('lists what is below some grants, at any depth, and not the grants themselves', async () => {
    const chains = [[], [id(1)], [id(1), id(2)], []]
    const { grants, revocations } = await openWithGrants(4, (n) => ({ chain: chains[n - 1] ?? [] }))
    const listed = async (below: readonly string[], liveAt?: number) => {
      const filter = { below, ...(liveAt === undefined ? {} : { liveAt }) }
      return (await grants.list(filter, { limit: 10 })).items.map((grant) => grant.id)
    }
    expect(await listed([id(1)])).toEqual([id(3), id(2)])
    expect(await listed([id(2), id(4)])).toEqual([id(3)])
    expect(await listed([id(4)])).toEqual([])
    expect(await listed([])).toEqual([])
    await revocations.revokeGrant(id(2), NOW)
    expect(await listed([id(1)], NOW)).toEqual([])
  })

  it('lists what had not expired at an instant, revoked ones too', async () => {
    const { grants, revocations } = await openWithGrants(3, (n) => ({ expiresAt: NOW + n * 1000 }))
    await revocations.revokeGrant(id(3), NOW)
    const { items } = await grants.list({ expiresAfter: NOW + 1000 }, { limit: 10 })
    expect(items.map((grant) => grant.id)).toEqual([id(3), id(2)])
  })

  it('refuses to insert for an unknown agent', async () => {
    const { grants } = open()
    expect(await grants.insert(aGrant(), 'digest')).toBe(false)
  })

  it('refuses to insert for a disabled agent, and for an older generation', async () => {
    const { agents, grants, revocations } = await openWithAgent()
    await revocations.revokeAgent(AGENT, NOW, true)
    expect(await grants.insert(aGrant({ agentGeneration: 2 }), 'digest')).toBe(false)
    await agents.enable(AGENT)
    expect(await grants.insert(aGrant({ agentGeneration: 1 }), 'digest')).toBe(false)
    expect(await grants.insert(aGrant({ agentGeneration: 2 }), 'digest')).toBe(true)
  })

  it('DL-02 refuses to insert below a revoked or a missing ancestor', async () => {
    const { grants, revocations } = await openWithGrants(1)
    const child = (n: number, chain: string[]) =>
      grants.insert(aGrant({ id: id(n), chain }), `d${n}`)
    expect(await child(10, [id(1)])).toBe(true)
    expect(await child(11, [id(1), id(99)])).toBe(false)
    await revocations.revokeGrant(id(1), NOW)
    expect(await child(12, [id(1)])).toBe(false)
    expect(await child(13, [id(1), id(10)])).toBe(false)
  })

  it('never stores an id or a digest twice', async () => {
    const { grants } = await openWithGrants(1)
    const failure = { code: 'database_unavailable' }
    await expect(grants.insert(aGrant({ id: id(1) }), 'new')).rejects.toMatchObject(failure)
    await expect(grants.insert(aGrant({ id: id(2) }), 'digest-1')).rejects.toMatchObject(failure)
    expect(await grants.findById(id(2))).toBeUndefined()
  })

  it('lists newest first, page by page, each grant once', async () => {
    const { grants } = await openWithGrants(7, (n) => ({ issuedAt: NOW + (n >> 1) }))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await grants.list({}, { limit: 3, ...(cursor ? { cursor } : {}) })
      seen.push(...page.items.map((grant) => grant.id))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map(id))
  })

  it('continues a list where it was, whatever is issued meanwhile', async () => {
    const { grants } = await openWithGrants(4)
    const first = await grants.list({}, { limit: 2 })
    await grants.insert(aGrant({ id: id(9), issuedAt: NOW + 900 }), 'new')
    const second = await grants.list({}, { limit: 2, cursor: first.nextCursor! })
    expect(second.items.map((grant) => grant.id)).toEqual([id(2), id(1)])
    expect(second.nextCursor).toBeUndefined()
  })

  it.each([
    [{ agent: 'other' }, [4, 2]],
    [{ service: 'github' }, [3]],
    [{ liveAt: NOW }, [4, 3, 2]],
    [{ agent: 'other', service: 'stripe', liveAt: NOW }, [4, 2]],
    [{ agent: 'nobody' }, []],
    [{}, [4, 3, 2, 1]],
  ])('filters by %o', async (filter, expected) => {
    const { grants } = await openWithGrants(4, (n) => ({
      agent: n % 2 === 0 ? 'other' : AGENT,
      services: n === 3 ? ['github'] : ['stripe'],
      expiresAt: n === 1 ? NOW : NOW + 1,
    }))
    const { items } = await grants.list(filter, { limit: 10 })
    expect(items.map((grant) => grant.id)).toEqual(expected.map(id))
  })

  it('counts a grant below a revoked one as dead', async () => {
    const { grants, revocations } = await openWithGrants(2, (n) =>
      n === 2 ? { chain: [id(1)] } : {},
    )
    await revocations.revokeGrant(id(1), NOW)
    expect((await grants.list({ liveAt: NOW }, { limit: 10 })).items).toEqual([])
    expect((await grants.list({}, { limit: 10 })).items).toHaveLength(2)
  })

  it.each([-1, 0])('gives at least one item for a limit of %d', async (limit) => {
    const { grants } = await openWithGrants(2)
    expect((await grants.list({}, { limit })).items).toHaveLength(1)
  })

  it('AD-04 refuses a position that it did not give out', async () => {
    const { grants } = await openWithGrants(1)
    for (const cursor of ['', 'x', "1_' OR 1=1--", '1_', '-1_tok', '1e3_tok', '1_tok;']) {
      await expect(grants.list({}, { limit: 1, cursor })).rejects.toMatchObject({
        code: 'usage_invalid',
      })
    }
  })

  it('fixes a first-use address once', async () => {
    const { grants } = await openWithGrants(1)
    expect(await grants.bindAddress(id(1), '192.0.2.1')).toBe('192.0.2.1')
    expect(await grants.bindAddress(id(1), '192.0.2.2')).toBe('192.0.2.1')
    expect((await grants.findById(id(1)))?.boundAddress).toBe('192.0.2.1')
    await expect(grants.bindAddress(id(9), '192.0.2.1')).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('keeps the latest use, and ignores grants that it does not have', async () => {
    const { grants } = await openWithGrants(2)
    await grants.touch(
      new Map([
        [id(1), NOW],
        [id(9), NOW],
      ]),
    )
    await grants.touch(new Map([[id(1), NOW - 5]]))
    expect((await grants.findById(id(1)))?.lastUsedAt).toBe(NOW)
    expect((await grants.findById(id(2)))?.lastUsedAt).toBeUndefined()
  })

  it('reserves requests until there are none left', async () => {
    const { grants } = await openWithGrants(1, () => ({ limits: { maxRequests: 10 } }))
    const given = [await grants.reserve(id(1), 4), await grants.reserve(id(1), 4)]
    expect([...given, await grants.reserve(id(1), 4), await grants.reserve(id(1), 4)]).toEqual([
      4, 4, 2, 0,
    ])
  })

  it('reserves freely where there is no limit, and nothing for an unknown grant', async () => {
    const { grants } = await openWithGrants(1)
    expect(await grants.reserve(id(1), 64)).toBe(64)
    expect(await grants.reserve(id(9), 64)).toBe(0)
  })

  it('lets children spend what their parent has', async () => {
    const { grants } = await openWithGrants(3, (n) => ({
      limits: { maxRequests: 10 },
      chain: n === 1 ? [] : [id(1)],
    }))
    expect(await grants.reserve(id(2), 6)).toBe(6)
    expect(await grants.reserve(id(3), 6)).toBe(4)
    expect(await grants.reserve(id(1), 1)).toBe(0)
  })

  it('never gives more than there is to many who ask at once', async () => {
    const { grants } = await openWithGrants(1, () => ({ limits: { maxRequests: 100 } }))
    const given = await Promise.all(Array.from({ length: 50 }, () => grants.reserve(id(1), 3)))
    expect(given.reduce((sum, count) => sum + count, 0)).toBe(100)
  })
})
