/**
 * A server that answers as AWS Secrets Manager does where the proxy asks it: one operation, each
 * request's signature verified, versions with their stages. It forgives nothing.
 */

import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { parseAuthorization } from '../../src/injection/sigv4/authorization.ts'
import { verifySignature } from '../../src/injection/sigv4/verify.ts'
import { LOOPBACK_NAMES, type Authority } from './pki.ts'

export const AWS_PAIR = {
  AWS_ACCESS_KEY_ID: 'AKIDOFTHEPROXYITSELF',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/secretOfTheProxy/canary3f9d2c',
} as const

export interface AwsAnswer {
  readonly status: number
  /** The name of the error. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Readonly<Record<string, unknown>>
}

export interface FakeSecretsManager {
  readonly url: string
  /** `operation name` of each request that reached it. */
  readonly requests: readonly string[]
  /** Answers instead, where it gives something; may take its time. */
  fault: (() => AwsAnswer | undefined | Promise<AwsAnswer | undefined>) | undefined
  /** Makes it the current version, and the former one the previous; gives its id. */
  put(name: string, text: string): string
  close(): Promise<void>
}

interface Asked {
  readonly SecretId?: string
  readonly VersionStage?: string
}

interface Version {
  readonly id: string
  readonly text: string
}

const STAGES = ['AWSCURRENT', 'AWSPREVIOUS']
const PREFIX = 'secretsmanager.'

export async function startFakeSecretsManager(options: {
  readonly authority: Authority
  readonly region: string
}): Promise<FakeSecretsManager> {
  const { authority, region } = options
  /** Newest first. */
  const secrets = new Map<string, readonly Version[]>()
  const requests: string[] = []

  const find = (asked: Asked): AwsAnswer => {
    const { SecretId: name = '', VersionStage: stage = 'AWSCURRENT' } = asked
    const version = secrets.get(name)?.[STAGES.indexOf(stage)]
    if (!version) return { status: 400, type: 'ResourceNotFoundException' }
    const { id: VersionId, text: SecretString } = version
    const body = { Name: name, VersionId, SecretString, VersionStages: [stage] }
    return { status: 200, body }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const target = String(request.headers['x-amz-target'])
    const asked = parseBody(body)
    requests.push(`${target.replace(PREFIX, '')} ${asked.SecretId ?? ''}`)
    const refused = refusalOf(request, body, region)
    const answer = (await server.fault?.()) ?? refused ?? find(asked)
    const error = answer.type && { __type: answer.type, message: 'quoted back: canary3f9d2c' }
    const headers = { 'content-type': 'application/x-amz-json-1.1', ...answer.headers }
    response.writeHead(answer.status, headers).end(JSON.stringify(error ?? answer.body ?? {}))
  }

  const leaf = authority.issue({ names: LOOPBACK_NAMES })
  const listener = createServer(leaf, (request, response) => void respond(request, response))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo // a TCP server that listens has one

  const server: FakeSecretsManager = {
    url: `https://127.0.0.1:${port}`,
    ...{ requests, fault: undefined },
    put(name, text) {
      const id = randomUUID()
      secrets.set(name, [{ id, text }, ...(secrets.get(name) ?? [])].slice(0, STAGES.length))
      return id
    },
    async close() {
      listener.closeAllConnections()
      listener.close()
      await once(listener, 'close')
    },
  }
  return server
}

function parseBody(body: Buffer): Asked {
  try {
    return JSON.parse(body.toString()) as Asked
  } catch {
    return {}
  }
}

/** Undefined for a request that AWS would answer. */
function refusalOf(request: IncomingMessage, body: Buffer, region: string): AwsAnswer | undefined {
  const { method = '', url = '', headers } = request
  if (method !== 'POST' || url !== '/') return { status: 404, type: 'UnknownOperationException' }
  if (headers['content-type'] !== 'application/x-amz-json-1.1')
    return { status: 400, type: 'SerializationException' }
  const type = authProblem(request, body, region)
  if (type !== undefined) return { status: 400, type }
  if (headers['x-amz-target'] !== `${PREFIX}GetSecretValue`)
    return { status: 400, type: 'UnknownOperationException' }
  return undefined
}

function authProblem(request: IncomingMessage, body: Buffer, region: string): string | undefined {
  const { method = '', headers } = request
  const authorization = parseAuthorization(headers.authorization ?? '')
  if (!authorization) return 'IncompleteSignatureException'
  const { accessKeyId, scope } = authorization
  if (accessKeyId !== AWS_PAIR.AWS_ACCESS_KEY_ID) return 'UnrecognizedClientException'
  const payload = createHash('sha256').update(body).digest('hex')
  const isHere = scope.region === region && scope.service === 'secretsmanager'
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
  const verified = verifySignature(
    { method, path: '/', query: undefined, headers: pairs, payload, authorization },
    AWS_PAIR.AWS_SECRET_ACCESS_KEY,
    Date.now(),
  )
  return isHere && verified.ok ? undefined : 'InvalidSignatureException'
}
