import { beforeEach, describe, expect, it } from 'vitest'
import { createTestApi, type TestApi } from '../support/api.ts'
import { aGrant, NOW } from '../support/grants.ts'

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
})

const AGENT = 'order-processing-agent'
const words = (more: Readonly<Record<string, unknown>> = {}) => ({
  agent: AGENT,
  scopes: ['stripe:read', 'stripe:write'],
  ...more,
})
const issueWith = (more: Readonly<Record<string, unknown>>) =>
  api.call('POST /v1/tokens', { body: words(more) })

describe('resuming a token', () => {
  const reason = 'a test key of our own'
  const resume = (id: string, body: unknown = { reason }) =>
    api.call(`POST /v1/tokens/${id}/resume`, { body })
  const suspended = async () => {
    const { id } = await api.issue()
    api.gate.apply((await api.stores.revocations.holdGrant(id, NOW))!)
    return id
  }

  it('lifts its suspension, and is on the record with operator and reason', async () => {
    const id = await suspended()
    expect((await api.call(`GET /v1/tokens/${id}`)).body.status).toBe('suspended')
    expect((await api.call('GET /v1/tokens')).body.items).toMatchObject([{ status: 'suspended' }])
    expect(await resume(id)).toMatchObject({ status: 200, body: { id, status: 'live' } })
    expect(api.audit.changes.at(-1)).toMatchObject({
      ...{ action: 'token.resume', target: id, operator: 'alice' },
      details: { agent: AGENT, reason },
    })
    expect(api.gate.state((await api.stores.grants.findById(id))!)).toBe('open')
  })

  it('is done when it is repeated, and brings back nothing that was revoked', async () => {
    const id = await suspended()
    await resume(id)
    expect(await resume(id)).toMatchObject({ status: 200, body: { status: 'live' } })
    await api.call('POST /v1/tokens/revoke', { body: { id } })
    expect(await resume(id)).toMatchObject({ status: 200, body: { status: 'revoked' } })
  })

  it('needs a reason, and a token that is there', async () => {
    const id = await suspended()
    expect(await resume(id, {})).toMatchObject({ status: 400 })
    expect(await resume(id, { reason: ' ' })).toMatchObject({ status: 400 })
    expect(await resume('tok_00000000000000000000')).toMatchObject({ status: 404 })
    expect(api.audit.changes.map(({ action }) => action)).not.toContain('token.resume')
  })
})

describe('issuing a token', () => {
  it('answers with the token once and stores only its digest', async () => {
    const { status, body, headers } = await issueWith({ ttl: '4h' })
    expect(status).toBe(201)
    expect(Object.keys(body).sort()).toEqual(['agent', 'expiresAt', 'id', 'scopes', 'token'])
    expect(body).toMatchObject({
      agent: AGENT,
      scopes: ['stripe:read', 'stripe:write'],
      expiresAt: NOW + 4 * 3_600_000,
    })
    expect(body.token).toMatch(/^pt_live_[0-9A-Za-z]{36}$/)
    expect(headers.get('location')).toBe(`/v1/tokens/${body.id}`)
    expect(headers.get('cache-control')).toBe('no-store')
    const grant = await api.stores.grants.findByDigest(api.parts.digestOf(body.token))
    expect(grant).toMatchObject({
      id: body.id,
      agent: AGENT,
      issuedBy: 'alice',
      agentGeneration: 1,
    })
  })

  it('reads the bindings, limits, owner and a list of scopes as text', async () => {
    const { body } = await issueWith({
      scopes: 'stripe:read,openai:chat',
      bind: ['cidr=10.0.0.0/8', 'first-use'],
      maxRequests: 100,
      rate: '10/s',
      owner: 'Payments Team',
    })
    const shown = await api.call(`GET /v1/tokens/${body.id}`)
    expect(shown.body).toEqual({
      id: body.id,
      agent: AGENT,
      status: 'live',
      scopes: ['stripe:read', 'openai:chat'],
      services: ['openai', 'stripe'],
      issuedBy: 'alice',
      issuedAt: NOW,
      expiresAt: NOW + 3_600_000,
      chain: [],
      bindings: { cidr: ['10.0.0.0/8'], firstUse: true },
      limits: { maxRequests: 100, ratePerSecond: 10 },
    })
    expect((await api.stores.agents.find(AGENT))?.owner).toBe('Payments Team')
  })

  it('is recorded before it happens, with everything but the token', async () => {
    const { body } = await issueWith({ owner: 'Payments Team' })
    expect(api.audit.changes).toEqual([
      expect.objectContaining({
        operator: 'alice',
        action: 'token.issue',
        target: body.id,
        result: 'done',
        source: '127.0.0.1',
        details: {
          agent: AGENT,
          scopes: ['stripe:read', 'stripe:write'],
          expiresAt: body.expiresAt,
          format: 'opaque',
          bindings: {},
          limits: {},
          newAgent: true,
          owner: 'Payments Team',
        },
      }),
    ])
    expect(JSON.stringify(api.audit.changes)).not.toContain(body.token)
  })

  it('mints a JWT whose expiry is the one that is answered', async () => {
    const { body } = await issueWith({ format: 'jwt', ttl: '90s' })
    const claims = JSON.parse(
      Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString(),
    ) as Record<string, unknown>
    expect(claims).toMatchObject({ jti: body.id, sub: AGENT, exp: body.expiresAt / 1000 })
    expect(await api.stores.grants.findByDigest(api.parts.digestOf(body.token))).toBeDefined()
  })

  it.each([
    [
      'an unknown scope',
      { scopes: 'stripe:raed' },
      { status: 400, code: 'scope_unknown', nearest: ['stripe:read'] },
    ],
    [
      'an unknown service',
      { scopes: 'strip:read' },
      { status: 400, code: 'scope_unknown', nearest: ['stripe:read'] },
    ],
    ['a wildcard', { scopes: 'stripe:*' }, { status: 400, code: 'scope_unknown' }],
    ['no scope', { scopes: '' }, { status: 400, code: 'scope_unknown' }],
    ['an empty list', { scopes: [] }, { status: 400, code: 'scope_unknown' }],
    ['a bad duration', { ttl: '4 hours' }, { status: 400, code: 'ttl_invalid' }],
    [
      'a lifetime above the maximum',
      { ttl: '25h' },
      { status: 400, code: 'ttl_invalid', nearest: ['1d'] },
    ],
    ['a bad agent name', { agent: 'a b' }, { status: 400, code: 'invalid_request' }],
    ['a bad range', { bind: ['cidr=10.0.0.1/8'] }, { status: 400, code: 'invalid_request' }],
    ['a bad rate', { rate: 'fast' }, { status: 400, code: 'invalid_request' }],
    ['an owner with a line feed', { owner: 'a\nb' }, { status: 400, code: 'invalid_request' }],
    [
      'a service without a credential',
      { scopes: 'github:read' },
      { status: 409, code: 'credential_not_configured' },
    ],
    [
      'a split without its credential',
      { scopes: 'openai:admin' },
      { status: 409, code: 'credential_not_configured' },
    ],
    [
      'a service that is not built',
      { scopes: 'aws:read' },
      { status: 409, code: 'service_unsupported' },
    ],
  ])('refuses %s, and changes and records nothing', async (_what, more, problem) => {
    const answer = await issueWith(more)
    expect(answer).toMatchObject({ status: problem.status, body: problem })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(api.audit.changes).toEqual([])
    expect(await api.stores.agents.list()).toEqual([])
  })

  it('names the command that stores a missing credential', async () => {
    const { body } = await issueWith({ scopes: 'openai:admin' })
    expect(body.detail).toContain('apistronghold secret set openai-admin')
  })

  it('refuses a disabled agent', async () => {
    await api.issue()
    await api.call(`PATCH /v1/agents/${AGENT}`, { body: { disabled: true } })
    expect(await issueWith({})).toMatchObject({ status: 409, body: { code: 'agent_disabled' } })
  })

  it('takes its record back when the agent is disabled at the last moment', async () => {
    const raced = await createTestApi({}, (stores) => {
      const ensure: typeof stores.agents.ensure = async (name, owner, now) => {
        const agent = await stores.agents.ensure(name, owner, now)
        await stores.revocations.revokeAgent(name, now, true)
        return agent
      }
      return { ...stores, agents: { ...stores.agents, ensure } }
    })
    const answer = await raced.call('POST /v1/tokens', { body: words() })
    expect(answer).toMatchObject({ status: 409, body: { code: 'agent_disabled' } })
    expect(raced.audit.changes.map((change) => change.result)).toEqual(['done', 'refused'])
  })

  it('does not happen when the audit cannot be written', async () => {
    api.audit.fail()
    expect(await issueWith({})).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
    expect(await api.stores.agents.list()).toEqual([])
  })
})

describe('an idempotency key', () => {
  const send = (body: unknown, key = 'order-17', operator = api.keys.admin) =>
    api.call('POST /v1/tokens', { body, key: operator, headers: { 'idempotency-key': key } })

  it('gives a repeat the same answer and makes no second token', async () => {
    const first = await send(words())
    const second = await send(words())
    expect(second.status).toBe(201)
    expect(second.body).toEqual(first.body)
    expect((await api.call('GET /v1/tokens')).body.items).toHaveLength(1)
  })

  it('is refused for another request, and free again after a refused one', async () => {
    await send(words())
    const reused = await send(words({ ttl: '1h' }))
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
    expect((await send(words({ scopes: 'stripe:raed' }), 'other')).status).toBe(400)
    expect((await send(words(), 'other')).status).toBe(201)
  })

  it('belongs to one operator', async () => {
    const first = await send(words())
    const other = await send(words(), 'order-17', api.keys.issuer)
    expect(other.status).toBe(201)
    expect(other.body.id).not.toBe(first.body.id)
  })

  it('keeps the token sealed in the store', async () => {
    const kept: string[] = []
    const watched = await createTestApi({}, (stores) => {
      const complete: typeof stores.idempotency.complete = async (key, sealed) => {
        kept.push(sealed)
        await stores.idempotency.complete(key, sealed)
      }
      return { ...stores, idempotency: { ...stores.idempotency, complete } }
    })
    const { body } = await watched.call('POST /v1/tokens', {
      body: words(),
      headers: { 'idempotency-key': 'k' },
    })
    const bytes = Buffer.from(kept.join(''), 'base64url').toString('latin1')
    expect(kept).toHaveLength(1)
    expect(kept.join('') + bytes).not.toContain(body.token)
  })

  it.each(['', 'a b', 'x'.repeat(129)])('is refused when it is "%s"', async (key) => {
    expect((await send(words(), key)).status).toBe(400)
  })
})

/** Issues a token a second after the one before, so that there is an order. */
const issueLater = (more: Readonly<Record<string, unknown>> = {}) => {
  api.clock.now += 1000
  return api.issue(more)
}

describe('listing tokens', () => {
  it('shows live ones, newest first, and all of them when asked', async () => {
    const [first, second] = [await issueLater(), await issueLater({ scopes: 'openai:chat' })]
    const third = await issueLater({ ttl: '30s' })
    await api.call('POST /v1/tokens/revoke', { body: { id: first.id } })
    api.clock.now += 60_000
    const live = await api.call('GET /v1/tokens')
    expect(live.body.items.map((token) => token.id)).toEqual([second.id])
    const all = await api.call('GET /v1/tokens?all=true')
    expect(all.body.items.map(({ id, status }) => [id, status])).toEqual([
      [third.id, 'expired'],
      [second.id, 'live'],
      [first.id, 'revoked'],
    ])
    const filtered = await api.call(`GET /v1/tokens?service=stripe&agent=${AGENT}`)
    expect(filtered.body.items).toEqual([])
  })

  it('goes page by page without a gap or a repeat', async () => {
    const issued = []
    for (let count = 0; count < 5; count++) issued.unshift((await issueLater()).id)
    const seen: string[] = []
    for (let cursor = ''; ;) {
      const { body } = await api.call(`GET /v1/tokens?limit=2${cursor}`)
      seen.push(...body.items.map((token) => token.id))
      if (body.nextCursor === undefined) break
      cursor = `&cursor=${body.nextCursor}`
    }
    expect(seen).toEqual(issued)
  })

  it('shows nothing of a row but what belongs to the answer', async () => {
    const row = { ...aGrant(), digest: 'hidden', rowMac: 'hidden' }
    const watched = await createTestApi({}, (stores) => ({
      ...stores,
      grants: { ...stores.grants, list: async () => ({ items: [row] }) },
    }))
    expect(JSON.stringify((await watched.call('GET /v1/tokens')).body)).not.toContain('hidden')
  })

  it('answers 404 for an id that names nothing', async () => {
    const answer = await api.call('GET /v1/tokens/tok_00000000000000000000')
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})

describe('revoking', () => {
  it.each(['token', 'id'] as const)(
    'works by %s, cuts what is in flight and says so',
    async (by) => {
      const issued = await api.issue()
      const grant = await api.stores.grants.findById(issued.id)
      const admission = api.gate.open(grant!)
      const { status, body } = await api.call('POST /v1/tokens/revoke', {
        body: { [by]: issued[by] },
      })
      expect(status).toBe(200)
      expect(body).toEqual({
        revoked: 1,
        sequence: 1,
        replicas: { confirmed: 1, total: 1 },
        cut: 1,
        tokens: [{ id: issued.id, agent: AGENT, services: ['stripe'] }],
      })
      expect(admission.isCut).toBe(true)
      expect(api.gate.state(grant!)).toBe('revoked')
      expect(api.audit.changes.at(-1)).toMatchObject({
        action: 'token.revoke',
        target: issued.id,
        operator: 'alice',
        details: { agent: AGENT, sequence: 1, cut: 1 },
      })
    },
  )

  it('finds a JWT, and a token inside the shape of a service key', async () => {
    const jwt = await api.issue({ format: 'jwt' })
    const shaped = await api.issue()
    for (const token of [jwt.token, `sk_live_${shaped.token}`]) {
      const { body } = await api.call('POST /v1/tokens/revoke', { body: { token } })
      expect(body.revoked).toBe(1)
    }
  })

  it('is done when it is repeated', async () => {
    const { id } = await api.issue()
    const first = await api.call('POST /v1/tokens/revoke', { body: { id } })
    const second = await api.call('POST /v1/tokens/revoke', { body: { id } })
    expect(second.status).toBe(200)
    expect(second.body).toEqual({ ...first.body, cut: 0 })
  })

  it('takes all tokens of an agent, which may then get new ones', async () => {
    const [first, second] = [await issueLater(), await issueLater()]
    const { body } = await api.call('POST /v1/tokens/revoke', { body: { agent: AGENT } })
    expect(body).toMatchObject({ revoked: 2, sequence: 1 })
    expect(body.tokens.map(({ id }) => id)).toEqual([second.id, first.id])
    expect((await api.call('GET /v1/tokens')).body.items).toEqual([])
    expect((await issueWith({})).status).toBe(201)
  })

  it('takes effect with a full disk, and says that it was not recorded', async () => {
    const { id } = await api.issue()
    const grant = await api.stores.grants.findById(id)
    api.audit.fail()
    const answer = await api.call('POST /v1/tokens/revoke', { body: { id } })
    expect(answer).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
    expect(answer.body.detail).toContain('took effect')
    expect(api.gate.state(grant!)).toBe('revoked')
  })

  it.each([
    ['an unknown id', { id: 'tok_00000000000000000000' }, 404],
    ['a part of an id', { id: 'tok_0' }, 404],
    ['an unknown token', { token: `pt_live_${'A'.repeat(36)}` }, 404],
    ['an unknown agent', { agent: 'nobody' }, 404],
    ['two targets', { id: 'tok_0', agent: 'nobody' }, 400],
    ['no target', {}, 400],
  ])('answers %s without repeating it', async (_what, body, status) => {
    await api.issue()
    const before = api.audit.changes.length
    const answer = await api.call('POST /v1/tokens/revoke', { body })
    expect(answer.status).toBe(status)
    for (const value of Object.values(body)) expect(answer.body.detail).not.toContain(value)
    expect(api.audit.changes).toHaveLength(before)
  })
})
