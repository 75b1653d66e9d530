import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HeaderPair } from '../../src/injection/outgoing.ts'
import { signHead } from '../../src/injection/sigv4/sign.ts'
import { Secret } from '../../src/secret/secret.ts'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { createFakeAws, REAL_PAIR } from '../support/fake-aws.ts'
import { exchangeRaw } from '../support/raw-http.ts'

let plane: TestPlane
const aws = createFakeAws(() => new URL(plane.upstream.origin).host)

beforeAll(async () => {
  plane = await startPlane({ services: ['aws'], upstream: { respond: aws.respond } })
  plane.credentials.set('aws', REAL_PAIR)
})

afterAll(async () => {
  await plane.stop()
})

beforeEach(() => {
  plane.clock.now = Date.now()
  plane.forget()
})

interface Order {
  readonly scope?: string
  readonly method?: string
  readonly target?: string
  readonly service?: string
  readonly region?: string
  readonly headers?: readonly HeaderPair[]
  readonly body?: string
  /** Sent without being signed. */
  readonly unsigned?: readonly string[]
  /** In place of the body that was signed. */
  readonly sentBody?: string
}

const READ = 'aws:read'
const FORM: HeaderPair = ['Content-Type', 'application/x-www-form-urlencoded']

const JSON_1_1: HeaderPair = ['Content-Type', 'application/x-amz-json-1.1']

const targetOf = (target: string): readonly HeaderPair[] => [JSON_1_1, ['X-Amz-Target', target]]

const USUAL = {
  ...{ scope: READ, method: 'POST', target: '/', service: 'iam', region: 'us-east-1', body: '' },
  ...{ headers: [] as readonly HeaderPair[], unsigned: [] as readonly string[] },
}

/** A request as the holder of a pair would sign it, whatever it asks for. */
function signedText(order: Order): string {
  const { method, target, service, region, body, headers, scope, unsigned } = { ...USUAL, ...order }
  const { accessKeyId, secretAccessKey } = plane.keyPair(plane.issue({ scope }))
  const fields = new Map([
    ['access_key_id', new Secret(accessKeyId)],
    ['secret_access_key', new Secret(secretAccessKey)],
  ])
  const [path = '/', query] = target.split('?')
  const authority = `localhost:${plane.port}`
  const digest = createHash('sha256').update(body).digest('hex')
  const signed = signHead({ path, query, headers }, fields, {
    ...{ method, authority, service, region, now: plane.clock.now },
    payload: { kind: 'digest', text: digest },
  })
  if (!signed.ok) throw new Error(signed.error.reason)
  const sent = order.sentBody ?? body
  const lines = signed.value.outgoing.headers.map(([name, value]) => `${name}: ${value}`)
  return [
    `${method} ${target} HTTP/1.1`,
    `Host: ${authority}`,
    ...lines,
    ...unsigned,
    `Content-Length: ${Buffer.byteLength(sent)}`,
    'Connection: close',
    '',
    sent,
  ].join('\r\n')
}

const send = async (order: Order) => await exchangeRaw(plane.port, signedText(order))

const reasons = () => plane.audit.refusals.map(({ refusal }) => refusal.reason)

describe('SC-13 an operation that could be read in two ways', () => {
  it('is taken where there is one way', async () => {
    const body = 'Action=GetUser&Version=2010-05-08'
    expect((await send({ headers: [FORM], body })).status).toBe(200)
    expect((await send({ method: 'GET', target: '/?Action=GetUser' })).status).toBe(200)
    for (const type of ['application/x-amz-json-1.0', 'application/json; charset=utf-8']) {
      plane.forget()
      const target: HeaderPair = ['X-Amz-Target', 'DynamoDB_20120810.GetItem']
      await send({ service: 'dynamodb', headers: [target, ['Content-Type', type]], body: '{}' })
      expect(plane.upstream.requests).toHaveLength(1)
    }
  })

  it.each<[string, Order]>([
    ['Action in query and form', { target: '/?Action=GetUser', headers: [FORM], body: 'Action=X' }],
    ['Action twice in a form', { headers: [FORM], body: 'Action=GetUser&Action=CreateUser' }],
    ['Action twice, once encoded', { headers: [FORM], body: 'Action=GetUser&%41ction=CreateUser' }],
    ['action beside Action', { headers: [FORM], body: 'Action=GetUser&action=CreateUser' }],
    ['action alone', { headers: [FORM], body: 'action=GetUser' }],
    ['Action[] beside Action', { headers: [FORM], body: 'Action=GetUser&Action[]=CreateUser' }],
    ['Operation beside Action', { headers: [FORM], body: 'Action=GetUser&Operation=CreateUser' }],
    [
      'action in the form, Action in the query',
      { target: '/?Action=GetUser', headers: [FORM], body: 'action=CreateUser' },
    ],
    [
      'a target in the query beside one in the header',
      {
        service: 'dynamodb',
        target: '/?X-Amz-Target=DynamoDB_20120810.DeleteTable',
        headers: targetOf('DynamoDB_20120810.GetItem'),
      },
    ],
    [
      'any query beside a target',
      { service: 'dynamodb', target: '/?a=b', headers: targetOf('DynamoDB_20120810.GetItem') },
    ],
    [
      'a credential in the query',
      { method: 'GET', target: '/?Action=GetUser&X-Amz-Credential=x&X-Amz-Security-Token=y' },
    ],
    ['x-amz- in any case', { method: 'GET', target: '/?Action=GetUser&x-amz-signature=00' }],
    ...[
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/json, application/x-www-form-urlencoded',
      'application/json; charset=ibm037',
      undefined,
    ].map((type): [string, Order] => [
      `a target beside a body that is ${type ?? 'nothing'}`,
      {
        service: 'sqs',
        body: 'Action=DeleteQueue',
        headers: [
          ['X-Amz-Target', 'AmazonSQS.ListQueues'],
          ...(type === undefined ? [] : [['Content-Type', type] as const]),
        ],
      },
    ]),
    ['Action in the query beside another body', { target: '/?Action=GetUser', body: 'Action=X' }],
    [
      'a target beside an Action',
      {
        service: 'monitoring',
        target: '/?Action=ListMetrics',
        headers: targetOf('GraniteServiceVersion20100801.DeleteAlarms'),
      },
    ],
    [
      'two targets',
      {
        service: 'dynamodb',
        headers: [
          ...targetOf('DynamoDB_20120810.GetItem'),
          ['X-Amz-Target', 'DynamoDB_20120810.DeleteTable'],
        ],
      },
    ],
    [
      "another API's target",
      { service: 'dynamodb', headers: targetOf('secretsmanager.GetSecretValue') },
    ],
    [
      'a target on the path of RPC v2',
      {
        service: 'dynamodb',
        target: '/service/DynamoDB_20120810/operation/DeleteTable',
        headers: targetOf('DynamoDB_20120810.GetItem'),
      },
    ],
    ['two sub-resources', { service: 's3', method: 'GET', target: '/bucket?acl&policy' }],
    [
      'a sub-resource that nobody knows',
      { service: 's3', method: 'GET', target: '/bucket?newThing' },
    ],
    ['an encoded slash in a bucket', { service: 's3', method: 'GET', target: '/bucket%2Fkey' }],
    ['a pre-signed URL', { service: 's3', method: 'GET', target: '/b/k?X-Amz-Signature=00' }],
    ['a region that is a bucket', { service: 'dynamodb', region: 's3', target: '/' }],
    ['an API that is not in the file', { service: 'chime', method: 'GET', target: '/accounts' }],
  ])('is refused: %s', async (_, order) => {
    const { status } = await send({ scope: 'aws:read,aws:write,aws:delete,aws:admin', ...order })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(plane.upstream.requests).toEqual([])
    expect(plane.audit.intents).toEqual([])
  })
})

describe('SC-10 an operation whose parameters need more', () => {
  it.each([
    ['ImageId=ami-1', 'aws:write', 1],
    ['ImageId=ami-1&IamInstanceProfile.Name=Admin', 'aws:write', 0],
    ['ImageId=ami-1&%49amInstanceProfile.Name=Admin', 'aws:write', 0],
    ['ImageId=ami-1&IamInstanceProfile.Name=Admin', 'aws:write,aws:admin', 1],
  ])('%s with %s is sent %i times', async (parameters, scope, times) => {
    const body = `Action=RunInstances&Version=2016-11-15&${parameters}`
    const { status } = await send({ service: 'ec2', scope, headers: [FORM], body })
    expect(status === 403).toBe(times === 0)
    expect(plane.upstream.requests).toHaveLength(times)
  })
})

describe('headers of S3 that do more than the operation says', () => {
  it.each<[string, string]>([
    ['x-amz-acl', 'public-read'],
    ['x-amz-acl', 'PUBLIC-READ'],
    ['x-amz-acl', 'Private'],
    ['x-amz-acl', 'aws-exec-read'],
    ['x-amz-acl', 'log-delivery-write'],
    ['x-amz-acl', 'private, public-read'],
    ['x-amz-grant-read', 'uri=x'],
    ['x-amz-object-ownership', 'ObjectWriter'],
    ['x-amz-object-lock-mode', 'COMPLIANCE'],
    ['x-amz-object-lock-retain-until-date', '2099-01-01T00:00:00Z'],
    ['x-amz-object-lock-legal-hold', 'ON'],
    ['x-amz-bucket-object-lock-enabled', 'true'],
    ['x-amz-bypass-governance-retention', 'true'],
  ])('need the scope for admin: %s %s', async (name, value) => {
    const order = { service: 's3', method: 'PUT', target: '/b/k', body: 'x' }
    const headers = [[name, value]] as const
    expect((await send({ ...order, headers, scope: 'aws:write,aws:delete' })).status).toBe(403)
    expect(plane.upstream.requests).toEqual([])
    expect((await send({ ...order, headers, scope: 'aws:write,aws:admin' })).status).toBe(200)
  })

  it.each(['private', 'bucket-owner-read', 'bucket-owner-full-control'])(
    'need no more for x-amz-acl %s',
    async (acl) => {
      const order = { service: 's3', method: 'PUT', target: '/b/k', body: 'x', scope: 'aws:write' }
      expect((await send({ ...order, headers: [['x-amz-acl', acl]] })).status).toBe(200)
    },
  )

  it('count where one of two is harmless', async () => {
    const order = { service: 's3', method: 'PUT', target: '/b/k', body: 'x', scope: 'aws:write' }
    const headers: HeaderPair[] = [
      ['x-amz-acl', 'private'],
      ['x-amz-acl', 'public-read'],
    ]
    expect((await send({ ...order, headers })).status).toBe(403)
  })
})

describe('CE-05 a Range', () => {
  const RANGE: readonly HeaderPair[] = [
    ['Range', 'bytes=0-70'],
    ['If-Range', '"x"'],
  ]
  const OBJECT: Order = { service: 's3', method: 'GET', target: '/b/k', headers: RANGE }

  afterEach(() => {
    plane.credentials.set('aws', REAL_PAIR)
    plane.upstream.respond(aws.respond)
  })

  const sent = () => plane.upstream.requests.map((request) => request.header('range'))

  it('goes on for the bytes of an object', async () => {
    await send(OBJECT)
    expect(sent()).toEqual(['bytes=0-70'])
  })

  it.each<[string, Order]>([
    ['a list of objects', { ...OBJECT, target: '/b' }],
    ['a document of another API', { ...OBJECT, service: 'iam', target: '/?Action=GetUser' }],
  ])('does not for %s', async (_, order) => {
    await send(order)
    expect(sent()).toEqual([undefined])
  })

  it('does not where a session token goes along to a place that is not AWS', async () => {
    const token = 'FwoGZXIvYXdzEJr//////////wEaDEXAMPLETOKENabcdefgh/+=='
    plane.credentials.set('aws', { ...REAL_PAIR, session_token: token })
    plane.upstream.respond((request) => {
      const echo = `<Error><Token-0>${request.header('x-amz-security-token') ?? ''}</Token-0></Error>`
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.header('range') ?? '') ?? []
      return from === undefined
        ? { status: 400, body: echo }
        : { status: 206, body: echo.slice(Number(from), Number(to) + 1) }
    })
    const { body } = await send({ ...OBJECT, headers: [['Range', 'bytes=0-40']] })
    expect(sent()).toEqual([undefined])
    expect(body).not.toContain(token.slice(0, 12))
    expect(body).toContain('</Error>')
  })
})

describe('secrets in the answer to a signed request', () => {
  const VARIABLES = { Variables: { DB_PASSWORD: 'hunter22' } }
  const LIST = { Functions: [{ FunctionName: 'f', Environment: VARIABLES }] }
  const TASK = {
    taskDefinition: {
      family: 'f',
      containerDefinitions: [{ environment: [{ name: 'DB_PASSWORD', value: 'hunter22' }] }],
    },
  }
  const PROJECT = {
    projects: [
      {
        environment: {
          environmentVariables: [{ name: 'A', value: 'hunter22', type: 'PLAINTEXT' }],
        },
        webhook: { url: 'https://x.example', secret: 'hunter22' },
      },
    ],
  }

  const FUNCTIONS: Order = { service: 'lambda', method: 'GET', target: '/2015-03-31/functions/' }

  afterEach(() => {
    plane.upstream.respond(aws.respond)
  })

  it.each<[string, Order, object]>([
    ['lambda', FUNCTIONS, LIST],
    [
      'ecs',
      {
        service: 'ecs',
        headers: targetOf('AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition'),
      },
      TASK,
    ],
    [
      'codebuild',
      { service: 'codebuild', headers: targetOf('CodeBuild_20161006.BatchGetProjects') },
      PROJECT,
    ],
  ])('are masked for %s, unless the token may see them', async (_, order, answer) => {
    plane.upstream.respond(() => ({ status: 200, body: JSON.stringify(answer) }))
    const text = JSON.stringify(answer)
    const masked = await send(order)
    expect([masked.status, masked.body]).toEqual([200, text.replaceAll('hunter22', '********')])
    expect((await send({ ...order, scope: 'aws:read,aws:secrets' })).body).toBe(text)
  })

  it('are not sent where the answer cannot be read', async () => {
    plane.upstream.respond(() => ({ status: 200, body: '<xml>hunter22</xml>' }))
    const { status, body } = await send(FUNCTIONS)
    expect(status).toBe(502)
    expect(body).not.toContain('hunter22')
  })
})

describe('a signature', () => {
  const body = 'Action=GetUser&Version=2010-05-08'

  it.each<[string, Order]>([
    ['over another body', { headers: [FORM], body, sentBody: body.replace('Get', 'Del') }],
    ['with a header that came later', { headers: [FORM], body, unsigned: ['X-Amz-Acl: private'] }],
    ['with a target that came later', { body: '{}', unsigned: ['X-Amz-Target: a.B'] }],
    [
      'whose signed header is declared to end here',
      { headers: [FORM], body, unsigned: ['Connection: Content-Type'] },
    ],
  ])('is refused %s', async (_, order) => {
    expect((await send(order)).status).toBe(401)
    expect(reasons()).toEqual(['signature_invalid'])
    expect(plane.upstream.requests).toEqual([])
  })

  it('is good for a quarter of an hour', async () => {
    const text = signedText({ headers: [FORM], body })
    plane.clock.now += 14 * 60_000
    expect((await exchangeRaw(plane.port, text)).status).toBe(200)
    plane.clock.now += 2 * 60_000
    expect((await exchangeRaw(plane.port, text)).status).toBe(401)
    plane.clock.now -= 40 * 60_000
    expect((await exchangeRaw(plane.port, text)).status).toBe(401)
  })

  it('is refused before its body is asked for where no body could make it right', async () => {
    const [head = ''] = signedText({ headers: [FORM], body }).split('\r\n\r\n')
    plane.clock.now += 16 * 60_000
    const waiting = head.replace(/^X-Amz-Content-Sha256: .*\r\n/m, '')
    expect((await exchangeRaw(plane.port, `${waiting}\r\n\r\n`)).status).toBe(401)
  })

  it('is needed: the token alone is told so', async () => {
    const token = plane.issue({ scope: READ })
    const text = `GET /?Action=GetUser HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`
    const answer = await exchangeRaw(plane.port, text)
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('key pair')
    expect(reasons()).toEqual(['signature_missing'])
  })
})

it('CE-01 what leaves holds neither the phantom nor the real secret', async () => {
  await send({ headers: [FORM], body: 'Action=GetUser' })
  expect(plane.upstream.requests).toHaveLength(1)
  expect(plane.upstream.count(REAL_PAIR.secret_access_key)).toBe(0)
  expect(plane.upstream.count('AKIAPT')).toBe(0)
  expect(plane.log.join()).not.toContain(REAL_PAIR.secret_access_key)
})
