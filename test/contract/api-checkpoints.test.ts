import { beforeEach, describe, expect, it } from 'vitest'
import { createClient, type ClientOptions } from '../../sdk/src/client.ts'
import { Failure } from '../../src/base/errors.ts'
import { createTestApi, type TestApi } from '../support/api.ts'

const NOTE =
  'apistronghold/production/local\n3\nAAAA\n\n\u2014 apistronghold/production/local c2ln\n'
const HEADER = 'apistronghold-checkpoint'

let newest: string | undefined
let api: TestApi
beforeEach(async () => {
  newest = NOTE
  api = await createTestApi({
    checkpoints: {
      publicKey: 'apistronghold/production+00000000+AA==',
      newest: () => newest,
      all: async () => [
        { writer: 'local', note: NOTE },
        { writer: 'worker-1', note: NOTE.replaceAll('local', 'worker-1') },
      ],
      growth: async ({ writer, from, to }) =>
        writer === 'local' && to <= 3 ? [Buffer.from(`${from} to ${to}`)] : undefined,
    },
  })
})

const carried = ({ headers }: { readonly headers: Headers }) =>
  Buffer.from(headers.get(HEADER) ?? '', 'base64').toString()

/** A client of the API without a socket in between. */
function clientWith(options: Pick<ClientOptions, 'key' | 'onCheckpoint'>) {
  const fetch = async (url: string, init: RequestInit) =>
    api.app.request(
      url,
      { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), host: 'localhost' } },
      { source: '127.0.0.1' },
    )
  return createClient({ url: 'http://localhost:8901', fetch, ...options })
}

describe('the checkpoint that comes with an answer', () => {
  it.each([
    ['GET /v1/tokens', 200],
    ['GET /v1/tokens/tok_00000000000000000000', 404],
    ['GET /v1/nothing', 404],
    ['GET /v1/tokens?limit=none', 400],
    ['DELETE /v1/operators/nobody', 404],
    ['GET /openapi.json', 200],
  ])('AU-03 comes with %s, which answers %i', async (line, status) => {
    const answer = await api.call(line)
    expect([answer.status, carried(answer)]).toEqual([status, NOTE])
  })

  it('AU-03 comes with what a role may not, and with what broke', async () => {
    const forbidden = await api.call('GET /v1/operators', { key: api.keys.issuer })
    expect([forbidden.status, carried(forbidden)]).toEqual([403, NOTE])
    const checkpoints = api.parts.checkpoints
    const broken = await createTestApi({ checkpoints }, (stores) => ({
      ...stores,
      agents: {
        ...stores.agents,
        list: () => Promise.reject(new Failure('database_unavailable', 'the database is away')),
      },
    }))
    const failed = await broken.call('GET /v1/agents')
    expect([failed.status, carried(failed)]).toEqual([503, NOTE])
  })

  it('is the newest there is, and absent before the first', async () => {
    newest = undefined
    expect((await api.call('GET /v1/tokens')).headers.has(HEADER)).toBe(false)
    newest = NOTE.replace('\n3\n', '\n4\n')
    expect(carried(await api.call('GET /v1/tokens'))).toBe(newest)
    newest = NOTE
    expect(carried(await api.call('GET /v1/tokens'))).toBe(NOTE)
  })

  it.each([
    ['GET /-/live', undefined],
    ['GET /-/ready', undefined],
    ['GET /v1/tokens', ''],
    ['GET /v1/tokens', 'ok_live_nobody'],
  ])('is not for %s without a key that counts', async (line, key) => {
    const answer = await api.call(line, key === undefined ? { key: '' } : { key })
    expect(answer.headers.has(HEADER)).toBe(false)
  })

  it('is given to who asks the client for it', async () => {
    const seen: string[] = []
    const onCheckpoint = (note: string) => void seen.push(note)
    const client = clientWith({ key: api.keys.issuer, onCheckpoint })
    await client.tokens.list()
    await client.operators.list().catch(() => undefined)
    await client.live()
    expect(seen).toEqual([NOTE, NOTE])
  })
})

describe('GET /v1/audit/checkpoint', () => {
  it.each(['admin', 'issuer', 'auditor'] as const)(
    'gives every writer, and the key, to %s, without a record',
    async (role) => {
      const found = await clientWith({ key: api.keys[role] }).audit.checkpoints()
      expect(found.publicKey).toBe('apistronghold/production+00000000+AA==')
      expect(found.checkpoints.map(({ writer }) => writer)).toEqual(['local', 'worker-1'])
      expect(found.checkpoints[0]?.note).toBe(NOTE)
      expect(api.audit.changes).toEqual([])
    },
  )
})

describe('GET /v1/audit/consistency', () => {
  it.each(['admin', 'issuer', 'auditor'] as const)(
    'AU-03 gives the path to %s, without a record',
    async (role) => {
      const { audit } = clientWith({ key: api.keys[role] })
      const { path } = await audit.consistency({ writer: 'local', from: 2, to: 3 })
      expect(path).toEqual([Buffer.from('2 to 3').toString('base64')])
      expect(api.audit.changes).toEqual([])
    },
  )

  it.each([
    ['of more records than were signed for', 'writer=local&from=2&to=4', 404],
    ['of a writer that is not there', 'writer=nobody&from=2&to=3', 404],
    ['from nothing', 'writer=local&from=0&to=3', 400],
    ['to nowhere', 'writer=local&from=1', 400],
  ])('has none %s', async (_what, query, status) => {
    const answer = await api.call(`GET /v1/audit/consistency?${query}`)
    expect(answer.status).toBe(status)
  })
})
