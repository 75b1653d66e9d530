/** Answers that carry secrets in fields which the catalogue names: who may see them, and who gets stars. */

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'
import type { Answer } from '../support/upstream.ts'

const PASSWORD = 'AVNS_aDatabasePassword'
const URI = `postgresql://doadmin:${PASSWORD}@db.example:25060/defaultdb`
const DATABASE = { database: { id: 'db-1', connection: { uri: URI, password: PASSWORD, port: 1 } } }
const stars = (text: string) => '*'.repeat(text.length)
const MASKED = {
  database: { id: 'db-1', connection: { uri: stars(URI), password: stars(PASSWORD), port: 1 } },
}

let plane: TestPlane

beforeAll(async () => {
  plane = await startPlane({ services: ['digitalocean'] })
  plane.credentials.set('digitalocean', { secret: REAL_KEY })
})

afterAll(() => plane.stop())

beforeEach(() => {
  plane.forget()
})

interface Wish {
  readonly path?: string
  readonly scope?: string
  readonly method?: string
}

async function asked(answer: Answer, wish: Wish = {}) {
  const { path = '/v2/databases/db-1', scope = 'digitalocean:read', method = 'GET' } = wish
  plane.upstream.respond(() => answer)
  const token = plane.issue({ scope })
  const headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']
  return exchangeRaw(plane.port, requestText(`${method} /digitalocean${path}`, headers))
}

async function lastOutcome() {
  while (plane.audit.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return plane.audit.outcomes.at(-1)
}

describe('secrets in an answer', () => {
  it('are masked for a token that may read and no more, and lengths stay', async () => {
    const { status, head, body } = await asked({ body: DATABASE })
    expect([status, JSON.parse(body)]).toEqual([200, MASKED])
    expect(head).toContain(`Content-Length: ${body.length}`)
    expect(await lastOutcome()).toMatchObject({ result: 'answered', status: 200 })
  })

  it('are shown to a token with the scope for secrets', async () => {
    const scope = 'digitalocean:read,digitalocean:secrets'
    const { body } = await asked({ body: DATABASE }, { scope })
    expect(JSON.parse(body)).toEqual(DATABASE)
  })

  it('are masked in lists, and only where an element says that it is secret', async () => {
    const envs = [
      { key: 'A', value: 'shown', type: 'GENERAL' },
      { key: 'B', value: 'hidden', type: 'SECRET' },
    ]
    const { body } = await asked({ body: { app: { spec: { envs } } } }, { path: '/v2/apps/1' })
    expect(body).toContain('"shown"')
    expect(body).toContain('"******"')
    expect(body).not.toContain('hidden')
  })

  it('are masked in an answer that is coded, and one that comes in pieces', async () => {
    const text = JSON.stringify(DATABASE)
    const coded = await asked({
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync(Buffer.from(text)),
    })
    expect(coded.body).toContain(stars(PASSWORD))
    expect(coded.body).not.toContain(PASSWORD)
    const chunks = (async function* () {
      yield* Array.from(text)
    })()
    const { body } = await asked({ chunks })
    expect(body).toContain(stars(PASSWORD))
    expect(body).not.toContain(PASSWORD)
  })

  it.each<[string, Answer]>([
    ['is no JSON', { body: `password: ${PASSWORD}` }],
    ['is cut off', { body: JSON.stringify(DATABASE).slice(0, -3) }],
    ['is too large to be read', { body: JSON.stringify({ PASSWORD, filling: 'x'.repeat(5e6) }) }],
  ])('are not sent when the answer %s: 502', async (_what, answer) => {
    const { status, head, body } = await asked(answer)
    expect([status, `${head}${body}`.includes(PASSWORD)]).toEqual([502, false])
    expect(await lastOutcome()).toMatchObject({ result: 'cut', cause: 'upstream_unmaskable' })
  })

  it('leave answers without any alone', async () => {
    expect((await asked({ status: 404, body: 'no such thing' })).body).toBe('no such thing')
    expect((await asked({ status: 204 })).status).toBe(204)
    expect((await asked({ body: '' })).status).toBe(200)
    const droplets = await asked(
      { body: { droplet: { password: 'x' } } },
      { path: '/v2/droplets/1' },
    )
    expect(JSON.parse(droplets.body)).toEqual({ droplet: { password: 'x' } })
  })
})

describe('an operation that answers with a fresh credential', () => {
  it.each([
    ['POST', '/v2/databases/db-1/users'],
    ['POST', '/v2/spaces/keys'],
    ['GET', '/v2/kubernetes/clusters/c-1/kubeconfig'],
    ['GET', '/v2/registry/docker-credentials'],
    ['POST', '/v2/functions/namespaces/n-1/keys'],
  ])('%s %s needs the scope for secrets, whatever else a token has', async (method, path) => {
    const all = ['read', 'write', 'delete', 'inference', 'network', 'billing', 'admin']
    const scope = all.map((name) => `digitalocean:${name}`).join()
    const refused = await asked({ body: DATABASE }, { method, path, scope })
    expect([refused.status, plane.upstream.requests.length]).toEqual([403, 0])
    expect(refused.body).toContain('digitalocean:secrets')
    const allowed = await asked({ body: DATABASE }, { method, path, scope: 'digitalocean:secrets' })
    expect(allowed.status).toBe(200)
  })
})
