import { beforeEach, describe, expect, it } from 'vitest'
import { generateVaultIdentity } from '../../src/secret/keys.ts'
import { seal } from '../../src/secret/envelope.ts'
import { Secret } from '../../src/secret/secret.ts'
import { createTestApi, type TestApi } from '../support/api.ts'
import { NOW } from '../support/grants.ts'

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
})

const AGENT = 'order-processing-agent'

describe('agents', () => {
  it('are listed and shown once they have a token', async () => {
    await api.issue({ owner: 'Payments' })
    const listed = await api.call('GET /v1/agents')
    const shown = await api.call(`GET /v1/agents/${AGENT}`)
    expect(listed.body.items).toEqual([shown.body])
    expect(shown.body).toMatchObject({
      name: AGENT,
      owner: 'Payments',
      disabled: false,
      createdAt: NOW,
    })
  })

  it('lose all tokens for good when they are disabled', async () => {
    const { id } = await api.issue()
    const { body } = await api.call(`PATCH /v1/agents/${AGENT}`, { body: { disabled: true } })
    expect(body).toMatchObject({
      disabled: true,
      disabledAt: NOW,
      revocation: { revoked: 1, sequence: 1, cut: 0, replicas: { confirmed: 1, total: 1 } },
    })
    const enabled = await api.call(`PATCH /v1/agents/${AGENT}`, { body: { disabled: false } })
    expect(enabled.body).toMatchObject({ name: AGENT, disabled: false })
    expect((await api.call(`GET /v1/tokens/${id}`)).body).toMatchObject({ status: 'revoked' })
    expect(api.audit.changes.map((change) => change.action)).toEqual([
      'token.issue',
      'agent.disable',
      'agent.enable',
    ])
  })

  it('get another owner, and the record says who it was', async () => {
    await api.issue({ owner: 'Payments' })
    const { body } = await api.call(`PATCH /v1/agents/${AGENT}`, { body: { owner: 'Risk' } })
    expect(body).toMatchObject({ owner: 'Risk' })
    expect(api.audit.changes.at(-1)).toMatchObject({
      action: 'agent.owner',
      target: AGENT,
      details: { from: 'Payments', to: 'Risk' },
    })
  })

  it.each([{}, { disabled: true, owner: 'x' }, { disabled: 'yes' }, { generation: 9 }])(
    'are not changed by %j',
    async (body) => {
      await api.issue()
      expect((await api.call(`PATCH /v1/agents/${AGENT}`, { body })).status).toBe(400)
    },
  )

  it.each(['GET', 'PATCH'])('answer %s with 404 when there is none of the name', async (method) => {
    const body = method === 'PATCH' ? { disabled: true } : undefined
    const answer = await api.call(`${method} /v1/agents/nobody`, { body })
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})

describe('operators', () => {
  it('are added with a key that works at once and is stored as a digest', async () => {
    const added = await api.call('POST /v1/operators', { body: { name: 'bob', role: 'issuer' } })
    expect(added.status).toBe(201)
    expect(added.body).toMatchObject({ name: 'bob', role: 'issuer', createdAt: NOW })
    expect(added.body.key).toMatch(/^ok_live_[0-9A-Za-z]{36}$/)
    expect((await api.call('GET /v1/tokens', { key: added.body.key })).status).toBe(200)
    const listed = await api.call('GET /v1/operators')
    expect(listed.body.items.map(({ id }) => id)).toContain(added.body.id)
    expect(JSON.stringify([listed.body, api.audit.changes])).not.toContain(added.body.key)
  })

  it('stop at once when they are removed', async () => {
    expect((await api.call('DELETE /v1/operators/ivan')).status).toBe(204)
    expect((await api.call('GET /v1/tokens', { key: api.keys.issuer })).status).toBe(401)
    expect(api.audit.changes.at(-1)).toMatchObject({ action: 'operator.remove', target: 'ivan' })
  })

  it('keep at least one admin', async () => {
    const answer = await api.call('DELETE /v1/operators/alice')
    expect(answer).toMatchObject({ status: 409, body: { code: 'last_admin' } })
  })

  it('have one name each', async () => {
    const answer = await api.call('POST /v1/operators', { body: { name: 'ivan', role: 'admin' } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'name_taken' } })
    expect(api.audit.changes).toEqual([])
  })

  it.each([
    { name: 'mt:1', role: 'admin' },
    { name: 'bob', role: 'root' },
    { name: 'bob' },
    { name: 'bob', role: 'issuer', id: 'op_1' },
  ])('are not added from %j', async (body) => {
    expect((await api.call('POST /v1/operators', { body })).status).toBe(400)
  })

  it('answer 404 when nobody has the name', async () => {
    expect((await api.call('DELETE /v1/operators/nobody')).status).toBe(404)
  })
})

describe('sealed secrets', () => {
  const CANARY = 'sk_live_canary4f7a'

  const sealed = async (version: number, sealer = 'alice') => {
    const { recipient } = await generateVaultIdentity()
    return await seal({
      payload: {
        env: 'production',
        name: 'stripe',
        version,
        fields: new Map([['secret', new Secret(CANARY)]]),
        origins: ['https://api.stripe.com'],
        sealedAt: NOW,
      },
      recipient,
      sealer: { name: sealer, privateKey: api.sealing.privateKey },
    })
  }
  const put = (envelope: string, version: string | undefined) =>
    api.call('PUT /v1/secrets/stripe', {
      body: { envelope },
      headers: version === undefined ? {} : { 'if-match': version },
    })

  it('are stored version by version, and the data plane is told to forget', async () => {
    const first = await put(await sealed(1), '"0"')
    expect(first).toMatchObject({ status: 200 })
    expect(first.body).toEqual({ name: 'stripe', version: 1, sealedBy: 'alice', storedAt: NOW })
    expect(first.headers.get('etag')).toBe('"1"')
    expect((await put(await sealed(2), '"1"')).body).toMatchObject({ version: 2 })
    expect(api.forgotten).toEqual(['stripe', 'stripe'])
    const { body } = await api.call('GET /v1/secrets')
    expect(body.items).toEqual([{ name: 'stripe', version: 2, sealedBy: 'alice', storedAt: NOW }])
    expect(api.audit.changes.map(({ action, details }) => [action, details])).toEqual([
      ['secret.set', { version: 1, sealedBy: 'alice' }],
      ['secret.set', { version: 2, sealedBy: 'alice' }],
    ])
  })

  it.each([
    ['without If-Match', undefined, 428, 'version_required'],
    ['with a strange If-Match', '*', 400, 'invalid_request'],
    ['with two versions', '"0", "1"', 400, 'invalid_request'],
    ['over a version that is not there', '"7"', 412, 'version_conflict'],
  ] as const)('are not stored %s', async (...[, version, status, code]) => {
    expect(await put(await sealed(1), version)).toMatchObject({ status, body: { code } })
    expect(api.audit.changes).toEqual([])
  })

  it('come back above the versions that were opened before they were deleted', async () => {
    const body = { envelope: await sealed(7), version: 7 }
    const headers = { 'if-match': '"0"' }
    const answer = await api.call('PUT /v1/secrets/stripe', { body, headers })
    expect(answer.body).toMatchObject({ version: 7 })
    const behind = await api.call('PUT /v1/secrets/stripe', {
      body: { ...body, version: 7 },
      headers: { 'if-match': '"7"' },
    })
    expect(behind).toMatchObject({ status: 412, body: { code: 'version_conflict' } })
  })

  it('are refused from a sealer who is not listed, and when anything was changed', async () => {
    const good = await sealed(1)
    const stranger = await put(await sealed(1, 'mallory'), '"0"')
    expect(stranger).toMatchObject({ status: 422, body: { code: 'envelope_refused' } })
    for (const bad of ['', 'not an envelope', good.replace('alice', 'alicf'), good.slice(0, -2)])
      expect((await put(bad, '"0"')).body.code).toBe('envelope_refused')
    expect(await api.stores.sealed.list()).toEqual([])
  })

  it('are deleted, if they are still the version that was meant', async () => {
    await put(await sealed(1), '"0"')
    const stale = await api.call('DELETE /v1/secrets/stripe', { headers: { 'if-match': '"9"' } })
    expect(stale.status).toBe(412)
    expect((await api.call('DELETE /v1/secrets/stripe')).status).toBe(204)
    expect((await api.call('DELETE /v1/secrets/stripe')).status).toBe(404)
    expect(api.audit.changes.at(-1)).toMatchObject({ action: 'secret.delete', target: 'stripe' })
    expect(api.forgotten).toEqual(['stripe', 'stripe'])
  })

  it.each(['Stripe', 'a', 'a..b', '%2e%2e', 'x'.repeat(65)])(
    'have no name like %s',
    async (name) => {
      const path = `PUT /v1/secrets/${name}`
      const answer = await api.call(path, {
        body: { envelope: 'x' },
        headers: { 'if-match': '"0"' },
      })
      expect([400, 404]).toContain(answer.status)
    },
  )
})

describe('services', () => {
  it('are listed with support, scopes and which credentials are there', async () => {
    const { body } = await api.call('GET /v1/services')
    expect(body.items).toHaveLength(4)
    expect(body.items[1]).toMatchObject({
      id: 'openai',
      support: { ready: true },
      credentials: [
        { name: 'openai', configured: true },
        { name: 'openai-admin', configured: false },
      ],
      scopes: { chat: { id: 'openai:chat', risk: 'write', title: 'chat openai', effects: [] } },
    })
    expect(body.items[3]).toMatchObject({
      support: { ready: false, why: 'SigV4 is not built yet' },
    })
  })

  it('are shown with their definition', async () => {
    const { body } = await api.call('GET /v1/services/stripe')
    expect(body).toMatchObject({ id: 'stripe', definition: { id: 'stripe' } })
    expect((await api.call('GET /v1/services/nothing')).status).toBe(404)
  })

  it('are read only', async () => {
    expect((await api.call('PUT /v1/services/stripe', { body: {} })).status).toBe(404)
  })
})

describe('replicas', () => {
  it('are one, with what it has applied', async () => {
    const { id } = await api.issue()
    await api.call('POST /v1/tokens/revoke', { body: { id } })
    const { body } = await api.call('GET /v1/replicas')
    expect(body.items).toEqual([
      { name: 'local', state: 'live', sequence: 1, inFlight: 0, startedAt: NOW - 60_000 },
    ])
  })
})

describe('health and keys', () => {
  const open = { key: '' }

  it('say who lives to callers on this machine only', async () => {
    const near = await api.call('GET /-/live', open)
    expect(near.body).toEqual({
      name: 'apistronghold',
      status: 'live',
      version: '0.1.0',
      environment: 'production',
      pid: 4711,
      startedAt: NOW - 60_000,
    })
    const far = await api.call('GET /-/live', { ...open, source: '192.0.2.1' })
    expect(far.body).toEqual({ name: 'apistronghold', status: 'live' })
  })

  it('say whether every part works', async () => {
    expect((await api.call('GET /-/ready', open)).status).toBe(200)
    api.checks.audit = false
    const { status, body } = await api.call('GET /-/ready', open)
    expect([status, body]).toEqual([
      503,
      { ready: false, checks: { database: true, audit: false } },
    ])
  })

  it('publish public keys only', async () => {
    const { body, headers } = await api.call('GET /.well-known/jwks.json', open)
    expect(JSON.stringify(body)).not.toContain('"d"')
    expect(body).toMatchObject({ keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA' }] })
    expect(headers.get('cache-control')).toBe('public, max-age=300')
  })
})
