/** AWS Secrets Manager: the contract against moto's server, and trouble against one of ours. */

import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { inspect } from 'node:util'
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDial } from '../../src/network/dial.ts'
import { createAwsStore } from '../../src/secret-stores/aws-secrets-manager.ts'
import { isMotoMissing, startMoto, type Moto } from '../support/moto.ts'
import { secretStoreContract } from './secret-store.ts'
import type { OpenStore } from './secret-store-openers.ts'

const REGION = 'eu-central-1'
const CANARY = 'canary3f9d2c'

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAIOSFODNN7EXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', CANARY)
  return () => vi.unstubAllEnvs()
})

const openAt = (url: string, allowPrivateAddress = true, deadlineMs = 60_000) =>
  createAwsStore({
    ...{ region: REGION, endpoint: new URL(url), ca: undefined, allowPrivateAddress },
    ...{ dial: createDial(), deadlineMs },
  })

describe.skipIf(isMotoMissing())('with moto', () => {
  let moto: Moto
  let admin: SecretsManagerClient
  let round = 0

  beforeAll(async () => {
    moto = await startMoto()
    admin = new SecretsManagerClient({ region: REGION, endpoint: moto.url })
  }, 30_000)
  afterAll(() => moto.close())
  beforeEach(() => {
    round += 1
  })

  const put = (name: string, SecretString: string) =>
    admin.send(new PutSecretValueCommand({ SecretId: name, SecretString }))

  const openMoto: OpenStore = async (seed) => {
    const prefix = `round-${round}`
    const refOf = (name: string) => `${prefix}/${name}`
    for (const [name, value] of Object.entries(seed))
      await admin.send(new CreateSecretCommand({ Name: refOf(name), SecretString: value }))
    const store = openAt(moto.url)
    return {
      store,
      refOf,
      async replace(name, value) {
        await put(refOf(name), value)
      },
      async spoil(name) {
        await put(refOf(name), '{}')
      },
      close: () => store.close(),
    }
  }

  secretStoreContract('AWS Secrets Manager', openMoto)

  it('gives the fields of JSON, and the version that a stage names', async () => {
    const { store, refOf, replace, close } = await openMoto({ stripe: '{"key":"one","n":1}' })
    await replace('stripe', '{"key":"two"}')
    const current = await store.read(refOf('stripe'))
    const previous = await store.read(`${refOf('stripe')}?stage=AWSPREVIOUS`)
    expect(current?.fields.get('key')?.reveal()).toBe('two')
    expect(previous?.fields.get('key')?.reveal()).toBe('one')
    expect(previous?.fields.get('n')?.reveal()).toBe('1')
    expect(previous?.version).not.toBe(current?.version)
    await close()
  })

  it('says what to do about a secret that is marked for deletion', async () => {
    const { store, refOf, close } = await openMoto({ stripe: 'one' })
    await admin.send(new DeleteSecretCommand({ SecretId: refOf('stripe') }))
    await expect(store.read(refOf('stripe'))).rejects.toThrow(/marked for deletion/)
    await close()
  })
})

describe('AWS Secrets Manager with trouble', () => {
  let server: Server
  let reply: { status: number; type: string; headers?: Record<string, string> }
  let url: string

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume()
      response.writeHead(reply.status, {
        ...{ 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': reply.type },
        ...reply.headers,
      })
      response.end(JSON.stringify({ __type: reply.type, message: `user ${CANARY} may not` }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it.each([
    [400, 'AccessDeniedException', 'needs secretsmanager:GetSecretValue'],
    [400, 'DecryptionFailure', 'needs kms:Decrypt'],
    [400, 'ExpiredTokenException', 'have expired'],
    [400, 'ThrottlingException', 'too many requests'],
    [500, 'InternalServiceError', 'answered 500'],
  ])('CE-12 says what to do about %i %s, and nothing of its words', async (status, type, words) => {
    reply = { status, type }
    const store = openAt(url)
    const failure: unknown = await store.read('prod/stripe').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'secret_store_unavailable' })
    expect(String(failure)).toContain(words)
    expect(inspect(failure, { depth: 9 })).not.toContain(CANARY)
    await store.close()
  })

  it('passes on how long it wants to be left alone', async () => {
    reply = { status: 400, type: 'ThrottlingException', headers: { 'retry-after': '1' } }
    const store = openAt(url)
    await expect(store.read('prod/stripe')).rejects.toMatchObject({ retryAfterSeconds: 1 })
    await store.close()
  })

  it('CE-08 is not asked in a private network that nobody allowed', async () => {
    const store = openAt(url, false)
    await expect(store.read('prod/stripe')).rejects.toMatchObject({
      code: 'secret_store_unavailable',
      message: expect.stringContaining('loopback') as unknown,
    })
    await store.close()
  })
})

describe('AWS Secrets Manager that does not come to an end', () => {
  let server: Server
  let answer: (response: ServerResponse) => void
  let url: string
  let sockets: Set<Socket>

  beforeEach(async () => {
    sockets = new Set()
    server = createServer((request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
      response.write('{"SecretString":"')
      answer(response)
    })
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const closed = () =>
    vi.waitFor(
      () => {
        expect(sockets.size).toBe(0)
      },
      { timeout: 20_000 },
    )

  it('is cut off where an answer is larger than any secret', async () => {
    let written = 0
    const chunk = 'a'.repeat(64 * 1024)
    answer = (response) => {
      const more = () => {
        while (!response.destroyed && written < 256 * 1024 * 1024) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
      }
      more()
    }
    const store = openAt(url)
    await expect(store.read('prod/stripe')).rejects.toMatchObject({
      code: 'secret_store_unavailable',
    })
    await closed()
    expect(written).toBeLessThan(64 * 1024 * 1024)
    await store.close()
  })

  it('is given up where an answer takes too long, and its connections are closed', async () => {
    answer = () => undefined
    const store = openAt(url, true, 300)
    const failures = await Promise.all(
      ['a', 'b', 'c'].map((name) => store.read(name).catch((error: unknown) => String(error))),
    )
    expect(failures).toEqual(
      ['a', 'b', 'c'].map(
        (name) => expect.stringContaining(`${name}: it did not answer in time`) as unknown,
      ),
    )
    await closed()
    await store.close()
  })
})
