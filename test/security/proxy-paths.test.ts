/** Paths through the running data plane: what the rules judged is what the upstream received. */

import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCorpus } from '../support/corpora.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

let plane: TestPlane
let token: string

beforeAll(async () => {
  plane = await startPlane({
    services: ['mirror'],
    serviceFiles: { 'mirror.yaml': openService('mirror') },
    listeners: [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0, service: 'mirror' },
    ],
  })
  plane.credentials.set('mirror', { secret: 'real' })
  token = plane.issue({ scope: 'mirror:all' })
})

afterAll(() => plane.stop())

beforeEach(forget)

function forget() {
  plane.upstream.forget()
  plane.audit.intents.length = 0
}

/** The case's number travels as the user agent, so that many can be under way at once. */
async function send(target: string, port: number, number = 0): Promise<number> {
  const headers = [
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    `User-Agent: case-${number}`,
    'Connection: close',
  ]
  return (await exchangeRaw(port, requestText(`GET ${target}`, headers))).status
}

interface Seen {
  readonly received: readonly string[]
  readonly judged: readonly string[]
}

/** What the upstream received and the rules judged, by the number of the case. */
function seen(): (number: number) => Seen {
  const numberOf = (agent: string | undefined) => Number(agent?.slice('case-'.length))
  const received = Map.groupBy(plane.upstream.requests, (each) =>
    numberOf(each.header('user-agent')),
  )
  const judged = Map.groupBy(plane.audit.intents, ({ userAgent }) => numberOf(userAgent))
  return (number) => ({
    received: (received.get(number) ?? []).map(({ target }) => target),
    judged: (judged.get(number) ?? []).map(({ access }) => access.path),
  })
}

/** Refused with nothing forwarded, or forwarded exactly as it was sent and as it was judged. */
function expectSame(sent: string, status: number, { received, judged }: Seen): void {
  if (status === 200) {
    expect(received).toEqual([sent])
    expect(judged).toEqual([sent.split('?')[0]])
  } else {
    expect(received, sent).toEqual([])
    expect(status, sent).toBeGreaterThanOrEqual(400)
    expect(status, sent).toBeLessThan(500)
  }
}

async function expectUnchanged(sent: string, expected = sent, port = plane.ports[1]!) {
  forget()
  const status = await send(sent, port)
  expectSame(expected, status, seen()(0))
  return status
}

async function expectAllUnchanged(targets: readonly string[]): Promise<void> {
  forget()
  const statuses: number[] = []
  const queue = [...targets.entries()]
  const worker = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [number, target] = next
      statuses[number] = await send(target, plane.ports[1]!, number)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  const seenOf = seen()
  for (const [number, sent] of targets.entries()) {
    expectSame(sent, statuses[number]!, seenOf(number))
  }
}

describe('a path', () => {
  it.each(['http/path-normalisation', 'http/path-traversal-bulk'])(
    'SC-07 of %s arrives byte for byte, or not at all',
    async (corpus) => {
      const rows = readCorpus(corpus) ?? []
      await expectAllUnchanged(rows.map((row) => String(row['path_latin1'])))
    },
  )

  it('SC-07 of the web platform tests arrives byte for byte, or not at all', async () => {
    const text = (value: unknown) => (typeof value === 'string' ? value : '')
    const targets = (readCorpus('http/wpt-urls') ?? []).flatMap((row) => [
      text(row['input']),
      text(row['pathname']) + text(row['search']),
    ])
    const latin1 = targets.map((target) => Buffer.from(target).toString('latin1'))
    // With a space or a line break in it, it is no request target any more.
    await expectAllUnchanged([...new Set(latin1)].filter((target) => /^[^\r\n ]+$/.test(target)))
  })

  it('SC-07 made of anything arrives byte for byte, or not at all', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '.',
        '..',
        '%2e',
        '%2F',
        '%00',
        '\\',
        ';',
        '#',
        '?',
        '//',
        '~',
        ':',
        '*',
      ),
      fc.string({ unit: 'grapheme-ascii', maxLength: 4 }),
    )
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)
    const targets = fc.sample(target, 5000).map((text) => text.replaceAll(' ', ''))
    await expectAllUnchanged(targets)
    expect(plane.upstream.requests.length).toBeGreaterThan(100)
  })

  it.each([
    ['/v1/a?limit=1&x=%2F..%2f&y=a+b', '/v1/a?limit=1&x=%2F..%2f&y=a+b'],
    ["/v1/a(b)'c,d;", undefined],
    ["/v1/~user/a:b@c!$&'()*+,=", "/v1/~user/a:b@c!$&'()*+,="],
    ['/v1/%C3%A9', '/v1/%C3%A9'],
  ])('%s is judged as it is', async (sent, forwarded) => {
    const status = await expectUnchanged(sent)
    expect(status === 200 ? sent : undefined).toBe(forwarded)
  })

  it.each([
    ['/mirror', '/'],
    ['/mirror/', '/'],
    ['/mirror?x=1', '/?x=1'],
    ['/mirror/v1/a?b', '/v1/a?b'],
    ['/mirror/~mirror.example/v1/a', '/v1/a'],
    ['/mirror/~MIRROR.example/v1/a', '/v1/a'],
    ['/mirror/mirror/v1', '/mirror/v1'],
  ])('%s loses the segments of the door and nothing else', async (sent, forwarded) => {
    expect(await expectUnchanged(sent, forwarded, plane.port)).toBe(200)
  })

  it.each(['/mirror//v1', '/mirror/../v1', '/mirror/%2e%2e/v1', '/mirror/~mirror.example//v1'])(
    'SC-01 SC-03 %s is refused behind the door as well',
    async (sent) => {
      expect(await expectUnchanged(sent, sent, plane.port)).toBe(400)
    },
  )

  it.each([
    ['GET http://evil.example/v1/a', 400],
    ['GET *', 400],
    ['GET evil.example:443', 400],
    ['CONNECT evil.example:443', 405],
    ['OPTIONS *', 400],
  ])('SC-06 %s is no path of ours', async (line, status) => {
    const headers = ['Host: localhost', `Authorization: Bearer ${token}`]
    expect(await exchangeRaw(plane.ports[1]!, requestText(line, headers))).toMatchObject({ status })
    expect(plane.upstream.requests).toEqual([])
  })
})
