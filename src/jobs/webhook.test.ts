import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anAlert, aNotice } from '../../test/support/alerts.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import {
  startUpstream,
  type Answer,
  type RecordedRequest,
  type Upstream,
} from '../../test/support/upstream.ts'
import { createDial, type Lookup } from '../network/dial.ts'
import { Secret } from '../secret/secret.ts'
import { parseWebhookUrl } from '../secret/webhook-url.ts'
import { createPost } from './post.ts'
import { createSlack } from './slack.ts'
import { createWebhook } from './webhook.ts'

const KEY = randomBytes(32)
const SECRET = `whsec_${KEY.toString('base64')}`
const never = new AbortController().signal

interface TargetOptions {
  readonly url?: string
  readonly secret?: string | undefined
  readonly allowPrivateAddress?: boolean
  readonly ca?: string
  readonly lookup?: Lookup
  readonly timeoutMs?: number
}

async function startReceiver(answer: Answer = { status: 204 }): Promise<Upstream> {
  const receiver = await startUpstream({ respond: () => answer })
  onTestFinished(() => receiver.close())
  return receiver
}

function partsOf(options: TargetOptions) {
  const { allowPrivateAddress = true, ca, lookup, timeoutMs = 5000 } = options
  const secret = 'secret' in options ? options.secret : SECRET
  return {
    ...{ name: 'hook', wants: { minScore: 0 }, allowPrivateAddress, ca },
    readSecret: async () => (secret === undefined ? undefined : new Secret(secret)),
    post: createPost({ dial: createDial(lookup && { lookup }), now: () => 0, timeoutMs }),
  }
}

function aWebhook({ port, ca }: Pick<Upstream, 'port' | 'ca'>, options: TargetOptions = {}) {
  const url = parseWebhookUrl(options.url ?? `https://127.0.0.1:${port}/in?team=a`)!
  return createWebhook({ ...partsOf({ ca, ...options }), url })
}

/** https://www.standardwebhooks.com, "Verifying signatures": from its words alone. */
function isSignedWith(key: Buffer, request: RecordedRequest): boolean {
  const id = request.header('webhook-id') ?? ''
  const timestamp = request.header('webhook-timestamp') ?? ''
  const content = `${id}.${timestamp}.${String(request.body)}`
  const expected = createHmac('sha256', key).update(content).digest()
  return (request.header('webhook-signature') ?? '').split(' ').some((signature) => {
    const [version, encoded = ''] = signature.split(',')
    const given = Buffer.from(encoded, 'base64')
    return version === 'v1' && given.length === 32 && timingSafeEqual(given, expected)
  })
}

type Check = (...given: [Headers, body: string, secret: string, now: number]) => boolean

async function documentedCheck(): Promise<Check> {
  const page = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8')
  const code = /```ts\n(?<code>[\s\S]+?)```/.exec(page)?.groups?.['code'] ?? ''
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  const path = directory.write('check.ts', code)
  const { isGenuine } = (await import(pathToFileURL(path).href)) as { isGenuine: Check }
  return isGenuine
}

describe('a webhook', () => {
  it('gets the alert as JSON, signed so that a receiver can make sure of it', async () => {
    const receiver = await startReceiver()
    const notice = aNotice()
    expect(await aWebhook(receiver).deliver(notice, never)).toEqual({ ok: true, value: undefined })
    const [request] = receiver.requests
    expect(request).toMatchObject({ method: 'POST', target: '/in?team=a' })
    expect(request!.header('content-type')).toBe('application/json')
    expect(request!.header('host')).toBe(`127.0.0.1:${receiver.port}`)
    expect(request!.header('webhook-id')).toBe(notice.id)
    expect(request!.header('webhook-timestamp')).toBe(String(Math.floor(notice.at / 1000)))
    expect(isSignedWith(KEY, request!)).toBe(true)
    expect(isSignedWith(randomBytes(32), request!)).toBe(false)
    expect(JSON.parse(String(request!.body))).toMatchObject({
      type: 'alert.raised',
      data: { environment: 'production', alert: { id: notice.alert.id } },
    })
    expect(receiver.count(SECRET)).toBe(0)
  })

  it('is verified by the lines that docs/alerts.md gives receivers', async () => {
    const isGenuine = await documentedCheck()
    const receiver = await startReceiver()
    await aWebhook(receiver).deliver(aNotice(), never)
    const [{ headers, body } = { headers: [], body: '' }] = receiver.requests
    const given = new Headers(headers.map(([name, value]): [string, string] => [name, value]))
    const at = aNotice().at
    expect(isGenuine(given, String(body), SECRET, at)).toBe(true)
    expect(isGenuine(given, `${String(body)} `, SECRET, at)).toBe(false)
    expect(isGenuine(given, String(body), SECRET, at + 301_000)).toBe(false)
    const other = `whsec_${randomBytes(32).toString('base64')}`
    expect(isGenuine(given, String(body), other, at)).toBe(false)
  })

  it('signs with both secrets while one replaces the other', async () => {
    const receiver = await startReceiver()
    const next = randomBytes(32)
    const secret = `${SECRET}\nwhsec_${next.toString('base64')}\n`
    await aWebhook(receiver, { secret }).deliver(aNotice(), never)
    for (const key of [KEY, next]) expect(isSignedWith(key, receiver.requests[0]!)).toBe(true)
  })

  it.each([
    [{ status: 500 }, { problem: 'it answered 500', isFinal: false }],
    [
      { status: 404, body: 'x'.repeat(9999) },
      { problem: 'it answered 404', isFinal: false },
    ],
    [{ status: 410 }, { problem: 'it answered 410', isFinal: true }],
    [
      { status: 429, headers: { 'retry-after': '120' } },
      { problem: 'it answered 429', isFinal: false, retryAfterSeconds: 120 },
    ],
    [{ raw: 'no HTTP at all' }, { problem: 'the connection failed: HPE_INVALID_CONSTANT' }],
    [
      { raw: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n` },
      { problem: 'the connection failed: HPE_HEADER_OVERFLOW' },
    ],
    ['reset', { problem: 'the connection failed: ECONNRESET' }],
  ] as const)('is not delivered when it answers %j', async (answer, error) => {
    const receiver = await startReceiver(answer)
    expect(await aWebhook(receiver).deliver(aNotice(), never)).toEqual({ ok: false, error })
  })

  it.each([301, 302, 307, 308])('CE-08 follows no redirect (%d)', async (status) => {
    const elsewhere = await startReceiver()
    const receiver = await startReceiver({ status, headers: { location: elsewhere.origin } })
    const sent = await aWebhook(receiver).deliver(aNotice(), never)
    expect(sent).toMatchObject({ ok: false, error: { problem: 'it redirects elsewhere' } })
    expect(elsewhere.connections).toHaveLength(0)
  })

  it('is left when it does not answer in time, or goes on answering for ever', async () => {
    const silent = await startReceiver('stall')
    const sent = aWebhook(silent, { timeoutMs: 100 }).deliver(aNotice(), never)
    expect(await sent).toEqual({ ok: false, error: { problem: 'it did not answer in time' } })
    async function* endless() {
      for (;;) {
        yield 'x'.repeat(1024)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const endlessly = await startReceiver({ chunks: endless() })
    expect(await aWebhook(endlessly).deliver(aNotice(), never)).toMatchObject({ ok: true })
  })

  it('is left at once when the server stops', async () => {
    const silent = await startReceiver('stall')
    const stopping = new AbortController()
    const sent = aWebhook(silent).deliver(aNotice(), stopping.signal)
    await silent.until(() => silent.requests.length === 1)
    stopping.abort()
    expect(await sent).toMatchObject({ ok: false })
  })

  it.each([
    ['a private address, literally', { allowPrivateAddress: false }],
    ['a private address by name', { url: 'https://hooks.example/', resolves: ['10.0.0.1'] }],
    [
      'one bad address among good ones',
      { url: 'https://hooks.example/', resolves: ['1.1.1.1', '127.0.0.1'] },
    ],
    [
      'what hands out credentials, whatever is allowed',
      { url: 'https://169.254.169.254/', allowPrivateAddress: true },
    ],
  ])(
    'CE-08, CE-09 is never %s',
    async (_case, { resolves, ...options }: TargetOptions & { resolves?: string[] }) => {
      const receiver = await startReceiver()
      const lookup = resolves && (async () => resolves.map((address) => ({ address })))
      const target = aWebhook(receiver, {
        allowPrivateAddress: false,
        ...options,
        ...(lookup && { lookup }),
      })
      const sent = await target.deliver(aNotice(), never)
      expect(sent).toMatchObject({
        ok: false,
        error: { problem: expect.stringMatching(/address that is/) as string },
      })
      expect(receiver.connections).toHaveLength(0)
    },
  )

  it('is not trusted with another certificate than the public ones or the operator’s', async () => {
    const receiver = await startReceiver()
    const { ca } = await startReceiver()
    const sent = await aWebhook(receiver, { ca }).deliver(aNotice(), never)
    expect(sent).toMatchObject({
      ok: false,
      error: { problem: expect.stringMatching(/TLS was refused/) as string },
    })
    expect(receiver.requests).toEqual([])
  })

  it.each([
    ['is missing', undefined, 'its secret is not there'],
    ['is no secret of webhooks', 'hunter2', 'its secret cannot be used: it is not whsec_'],
  ])('gets nothing when its secret %s', async (_case, secret, problem) => {
    const receiver = await startReceiver()
    const sent = await aWebhook(receiver, { secret }).deliver(aNotice(), never)
    expect(sent.ok ? '' : sent.error.problem).toContain(problem)
    expect(JSON.stringify(sent)).not.toContain('hunter2')
    expect(receiver.connections).toHaveLength(0)
  })

  it('may be on this machine without TLS, where the operator allowed it', async () => {
    const seen: string[] = []
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (bytes) => {
        seen.push(String(bytes))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const target = aWebhook({ port, ca: '' }, { url: `http://127.0.0.1:${port}/` })
    expect(await target.deliver(aNotice(), never)).toMatchObject({ ok: true })
    expect(seen[0]).toMatch(/^POST \/ HTTP\/1\.1\r\n/)
  })
})

describe('a Slack webhook', () => {
  it('is posted to at the URL that is its secret', async () => {
    const receiver = await startReceiver({ body: 'ok' })
    const secret = `${receiver.origin}/services/T0/B0/token\n`
    const target = createSlack(partsOf({ secret, ca: receiver.ca }))
    const notice = aNotice({ alert: anAlert({ agent: 'a<b' }) })
    expect(await target.deliver(notice, never)).toMatchObject({ ok: true })
    const [request] = receiver.requests
    expect(request!.target).toBe('/services/T0/B0/token')
    expect(JSON.parse(String(request!.body))).toMatchObject({
      mrkdwn: false,
      blocks: [{ text: { type: 'plain_text', text: 'Alert: refusal_burst by a&lt;b' } }, {}, {}],
    })
  })

  it('gets nothing when its secret is no URL, and nobody is told what it is', async () => {
    const target = createSlack(partsOf({ secret: 'xoxb-hunter2' }))
    const sent = await target.deliver(aNotice(), never)
    expect(sent).toMatchObject({ ok: false })
    expect(JSON.stringify(sent)).not.toContain('hunter2')
  })
})
