/**
 * AWS Secrets Manager with the official SDK and its default credential chain, loaded when it is
 * first needed. References are names or ARNs, perhaps with a version stage.
 */

import { Agent as PlainAgent } from 'node:http'
import { Agent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Dial } from '../base/dial.ts'
import { Failure } from '../base/errors.ts'
import type { SecretStore, StoredSecret } from '../secret/secret-store.ts'
import { Secret } from '../secret/secret.ts'
import { boundAnswers, withDeadline } from './aws-bounds.ts'
import { fieldsOfJson } from './json-fields.ts'

export interface AwsStoreParts {
  readonly region: string | undefined
  readonly endpoint: URL | undefined
  /** PEM certificates to trust instead of the public roots. */
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  readonly dial: Dial
  /** For one secret, retries included. */
  readonly deadlineMs?: number
}

type Sdk = typeof import('@aws-sdk/client-secrets-manager')

interface Opened {
  readonly sdk: Sdk
  readonly client: SecretsManagerClient
}

const TIMEOUT_MS = 4000
const DEADLINE_MS = 10_000

export function createAwsStore(
  parts: AwsStoreParts,
): Required<Pick<SecretStore, 'read' | 'close'>> {
  const { deadlineMs = DEADLINE_MS } = parts
  let opened: Promise<Opened> | undefined
  return {
    async read(place) {
      opened ??= openClient(parts)
      try {
        const client = await opened
        return await withDeadline(deadlineMs, (bounds) => fetchSecret(client, place, bounds))
      } catch (error) {
        if (error instanceof Failure && error.code === 'secret_invalid') throw error
        if (isAbsent(error)) return undefined
        throw failureFor(place, error)
      }
    },
    async close() {
      const { client } = (await opened) ?? {}
      client?.destroy()
    },
  }
}

async function fetchSecret(
  { sdk, client }: Opened,
  place: string,
  bounds: { readonly abortSignal: AbortSignal },
): Promise<StoredSecret> {
  const [id = '', stage] = place.split('?stage=')
  const staged = stage === undefined ? {} : { VersionStage: stage }
  const asked = new sdk.GetSecretValueCommand({ SecretId: id, ...staged })
  const answer = await client.send(asked, bounds)
  const text = answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8')
  return storedOf(place, text, answer.VersionId ?? '')
}

async function openClient(parts: AwsStoreParts) {
  const sdk = await import('@aws-sdk/client-secrets-manager')
  const { region, endpoint } = parts
  const client = new sdk.SecretsManagerClient({
    ...(region !== undefined && { region }),
    ...(endpoint && { endpoint: endpoint.href }),
    maxAttempts: 2,
    requestHandler: {
      httpsAgent: dialled(new Agent({ keepAlive: false }), 'https:', parts),
      httpAgent: dialled(new PlainAgent({ keepAlive: false }), 'http:', parts),
      connectionTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
    },
  })
  boundAnswers(client)
  return { sdk, client }
}

/** The SDK's way out is the guarded one too. */
function dialled<A extends PlainAgent>(
  agent: A,
  protocol: 'http:' | 'https:',
  { dial, ca, allowPrivateAddress }: AwsStoreParts,
): A {
  agent.createConnection = (options, created) => {
    const { host = '', port } = options as { host?: string; port?: number | string } // as http.request gives them
    const usual = protocol === 'https:' ? 443 : 80
    dial({
      ...{ protocol, hostname: host, port: Number(port ?? usual), allowPrivateAddress },
      connectTimeoutMs: TIMEOUT_MS,
      ...(ca !== undefined && { ca }),
    }).then(
      (socket) => created?.(null, socket),
      (error: unknown) => created?.(error as Error, undefined as unknown as Duplex), // Node reads no stream beside an error
    )
    return undefined
  }
  return agent
}

/** A JSON object has fields; anything else is one. */
function storedOf(place: string, text: string, versionId: string): StoredSecret {
  if (text === '') throw new Failure('secret_invalid', `${place} is empty`)
  const object = readObject(text)
  const fields = object ? fieldsOfJson(object) : new Map([['secret', new Secret(text)]])
  if (fields.size === 0) throw new Failure('secret_invalid', `${place} holds no fields`)
  return {
    fields,
    version: versionId
      .toLowerCase()
      .replace(/[^0-9a-z]/g, '')
      .slice(0, 32),
  }
}

function readObject(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown> // it begins with a brace
  } catch {
    return undefined
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')

function isAbsent(error: unknown): boolean {
  return nameOf(error) === 'ResourceNotFoundException'
}

/** What the operator can do about it; the SDK's own words may quote what was sent. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException: "the proxy's role needs secretsmanager:GetSecretValue on it",
  DecryptionFailure: "the proxy's role needs kms:Decrypt on the key of it",
  InvalidRequestException: 'it is marked for deletion, or has no such stage',
  CredentialsProviderError: 'there are no AWS credentials: give the proxy a role or a profile',
  ExpiredTokenException: "the proxy's AWS credentials have expired",
  UnrecognizedClientException: "the proxy's AWS credentials are not accepted",
  InvalidSignatureException: "the proxy's AWS credentials are not accepted, or its clock is wrong",
  ThrottlingException: 'too many requests',
  TooManyRequestsException: 'too many requests',
  TimeoutError: 'it did not answer in time',
}

function failureFor(place: string, error: unknown): Failure {
  const seconds = retryAfterOf(error)
  const advice = ADVICE[nameOf(error)] ?? adviceFor(error)
  return new Failure('secret_store_unavailable', `reading ${place}: ${advice}`, {
    ...(seconds !== undefined && { retryAfterSeconds: seconds }),
  })
}

function adviceFor(error: unknown): string {
  if (error instanceof Failure) return `${error.message} (see stores.aws_sm)`
  const message = error instanceof Error ? error.message : ''
  if (message.includes('Region is missing'))
    return 'there is no region: set stores.aws_sm.region, or AWS_REGION'
  const status: unknown = Reflect.get(metadataOf(error), 'httpStatusCode')
  if (typeof status === 'number') return `the service answered ${status}`
  return 'the service cannot be reached (see stores.aws_sm)'
}

function metadataOf(error: unknown): object {
  const metadata: unknown =
    typeof error === 'object' && error !== null && Reflect.get(error, '$metadata')
  return typeof metadata === 'object' && metadata !== null ? metadata : {}
}

function retryAfterOf(error: unknown): number | undefined {
  const response: unknown =
    typeof error === 'object' && error !== null && Reflect.get(error, '$response')
  const headers: unknown =
    typeof response === 'object' && response !== null && Reflect.get(response, 'headers')
  const value: unknown =
    typeof headers === 'object' && headers !== null && Reflect.get(headers, 'retry-after')
  const seconds = Number(value)
  return seconds > 0 ? Math.min(seconds, 300) : undefined
}
