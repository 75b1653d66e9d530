import { X509Certificate } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createSilent, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createAuthority, issueBad, type Leaf } from '../../test/support/pki.ts'
import { ApiError, createClient, everyItem, UnreachableError } from './client.ts'

const KEY = 'ok_test_key-that-must-not-leak'

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (response: ServerResponse, seen: Seen) => void

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server that answers as told and keeps what it saw. */
async function serve(answer: Answer, tls?: { readonly cert: string; readonly key: string }) {
  const seen: Seen[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() }
      seen.push(one)
      answer(response, one)
    })
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, seen }
}

const json =
  (body: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

const aProblem = {
  type: 'urn:problem-type:apistronghold:scope_unknown',
  title: 'Scope unknown',
  status: 400,
  detail: 'stripe has no scope "raed". Did you mean stripe:read?',
  code: 'scope_unknown',
  requestId: 'req_1',
  nearest: ['stripe:read'],
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('the client', () => {
  it('sends the key, the body and the idempotency key where they belong', async () => {
    const issued = { token: 'pt_test_x', id: 'tok_1', agent: 'a', scopes: [], expiresAt: 1 }
    const { url, seen } = await serve(json(issued, 201))
    const client = createClient({ url, key: KEY })
    const request = { agent: 'a', scopes: 'stripe:read', ttl: '4h', idempotencyKey: 'once' }
    expect(await client.tokens.issue(request)).toEqual(issued)
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/v1/tokens' })
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      'idempotency-key': 'once',
    })
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      agent: 'a',
      scopes: 'stripe:read',
      ttl: '4h',
    })
  })

  it('keeps names from becoming other paths, and leaves absent filters out', async () => {
    const { url, seen } = await serve(json({ items: [] }))
    const client = createClient({ url: `${url}/base/`, key: KEY })
    await client.agents.find('../operators?x=1#y')
    await client.agents.find('..')
    await client.tokens.list({ agent: 'a&b', all: true })
    expect(seen.map((one) => one.url)).toEqual([
      '/base/v1/agents/..%2Foperators%3Fx%3D1%23y',
      '/base/v1/agents/%252E%252E',
      '/base/v1/tokens?agent=a%26b&all=true',
    ])
  })

  it('turns a problem into an error that says what to do', async () => {
    const { url } = await serve(json(aProblem, 400))
    const error = await failureOf(
      createClient({ url, key: KEY }).tokens.issue({ agent: 'a', scopes: 'stripe:raed' }),
    )
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 400, code: 'scope_unknown', requestId: 'req_1' })
    expect((error as ApiError).message).toBe(aProblem.detail)
    expect((error as ApiError).problem.nearest).toEqual(['stripe:read'])
  })

  it('takes "not ready" as an answer', async () => {
    const { url } = await serve(json({ ready: false, checks: { audit: false } }, 503))
    expect(await createClient({ url }).ready()).toEqual({ ready: false, checks: { audit: false } })
  })

  it('walks through all pages', async () => {
    const { url } = await serve((response, { url: path }) => {
      const isLast = path?.includes('cursor=two')
      json(isLast ? { items: [3] } : { items: [1, 2], nextCursor: 'two' })(response, {} as Seen)
    })
    const items: unknown[] = []
    const client = createClient({ url, key: KEY })
    for await (const item of everyItem(client.tokens.list, {})) items.push(item)
    expect(items).toEqual([1, 2, 3])
  })

  it.each([301, 302, 307, 308])('refuses to follow a %i and keeps its key', async (status) => {
    const elsewhere = await serve(json({}))
    const { url } = await serve((response) => {
      response.writeHead(status, { location: elsewhere.url }).end()
    })
    const error = await failureOf(createClient({ url, key: KEY }).services.list())
    expect(error).toBeInstanceOf(UnreachableError)
    expect(elsewhere.seen).toEqual([])
  })

  it.each([
    ['text', 200, 'it works'],
    ['an error page', 502, '<html>bad gateway</html>'],
    ['JSON that is no problem', 500, '{"error":"x"}'],
  ])('says that %s is no control plane', async (_what, status, body) => {
    const { url } = await serve((response) => response.writeHead(status).end(body))
    const error = await failureOf(createClient({ url, key: KEY }).services.list())
    expect(error).toBeInstanceOf(UnreachableError)
    expect(error).toMatchObject({ reason: 'answer', origin: url })
  })

  it('stops reading an answer without end', async () => {
    const { url } = await serve((response) => {
      const write = () => {
        if (response.destroyed) return
        response.write(Buffer.alloc(1024 * 1024, 0x20), () => setImmediate(write))
      }
      write()
    })
    const error = await failureOf(createClient({ url, key: KEY }).services.list())
    expect(error).toMatchObject({ name: 'UnreachableError', reason: 'answer' })
  })

  it('gives up on silence', async () => {
    const { url } = await serve(() => undefined)
    const error = await failureOf(createClient({ url, key: KEY, timeoutMs: 50 }).live())
    expect(error).toMatchObject({ name: 'UnreachableError', reason: 'timeout' })
  })

  it('says that nobody listens, and shows no key', async () => {
    const { url } = await serve(json({}))
    for (const close of closers.splice(0)) close()
    const error = await failureOf(createClient({ url, key: KEY }).live())
    expect(error).toMatchObject({ name: 'UnreachableError', reason: 'network', origin: url })
    expect((error as Error).message).toContain('ECONNREFUSED')
    expect(JSON.stringify(error) + String(error)).not.toContain(KEY)
  })

  it.each([
    'ftp://127.0.0.1',
    'not a url',
    'http://192.0.2.1:8901',
    'http://localhost.evil.example',
    'https://user:pass@127.0.0.1',
    'https://127.0.0.1/?a=b',
  ])('refuses the address %s', (url) => {
    expect(() => createClient({ url, key: KEY })).toThrow(TypeError)
  })

  it('sends a key over plain http elsewhere only when told to', () => {
    expect(() => createClient({ url: 'http://mesh.example', allowPlaintext: true })).not.toThrow()
  })
})

describe('a private certificate authority', () => {
  const authority = createAuthority()
  const leaf = authority.issue({ names: ['127.0.0.1'] })

  it('is trusted when it is given', async () => {
    const { url, seen } = await serve(json({ items: [] }), leaf)
    const client = createClient({ url, key: KEY, ca: authority.certificate })
    await client.secrets.put('stripe', 'envelope', { ifMatch: 0 })
    expect(seen[0]?.headers['if-match']).toBe('"0"')
    expect(seen[0]?.body).toBe('{"envelope":"envelope"}')
  })

  it('is not trusted otherwise, and gets no key', async () => {
    const { url, seen } = await serve(json({ items: [] }), leaf)
    const error = await failureOf(createClient({ url, key: KEY }).services.list())
    expect(error).toMatchObject({ name: 'UnreachableError', reason: 'network' })
    const other = createAuthority('Another Root').certificate
    const refused = await failureOf(createClient({ url, key: KEY, ca: other }).services.list())
    expect(refused).toMatchObject({ name: 'UnreachableError', reason: 'network' })
    expect(seen).toEqual([])
  })
})

describe('a server that is known by its certificate', () => {
  const authority = createAuthority()
  const expired = issueBad(authority, 'expired')
  const sha256 = ({ cert }: Leaf) =>
    new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()

  it.each([
    ['by anybody', authority.issue({ names: ['elsewhere.example'] })],
    ['long ago', expired],
  ])('is trusted whatever its names, issued %s', async (_case, leaf) => {
    const { url, seen } = await serve(json({ items: [] }), leaf)
    const client = createClient({ url, key: KEY, certificateSha256: sha256(leaf) })
    await client.secrets.put('stripe', 'envelope', { ifMatch: 0 })
    expect(seen[0]?.body).toBe('{"envelope":"envelope"}')
  })

  it('gets no key when it shows another', async () => {
    const { url, seen } = await serve(
      json({ items: [] }),
      authority.issue({ names: ['127.0.0.1'] }),
    )
    const client = createClient({ url, key: KEY, certificateSha256: sha256(expired) })
    expect(await failureOf(client.services.list())).toMatchObject({
      reason: 'network',
      message: expect.stringContaining('CERT_NOT_PINNED') as unknown,
    })
    expect(seen).toEqual([])
  })

  it('is waited for no longer than the timeout', async () => {
    const silent = createSilent()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    closers.push(() => silent.close())
    const { port } = silent.address() as AddressInfo
    const client = createClient({
      url: `https://127.0.0.1:${port}`,
      certificateSha256: sha256(expired),
      timeoutMs: 50,
    })
    expect(await failureOf(client.live())).toMatchObject({ reason: 'timeout' })
  })
})
