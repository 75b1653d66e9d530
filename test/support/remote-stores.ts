/** Stores over the network as the tests of outages see them: each a local server with its troubles. */

import { setTimeout } from 'node:timers/promises'
import { startFakeSecretsManager, AWS_PAIR, type AwsAnswer } from './fake-secrets-manager.ts'
import { startFakeVault, type Answer } from './fake-vault.ts'
import type { Authority } from './pki.ts'
import type { StoreBedOptions } from './store-bed.ts'

/** `silent` takes the question and never answers; `slow` answers well, but late. */
export type Trouble = 'down' | 'forbidden' | 'throttled' | 'silent' | 'slow'

export interface RemoteStore extends StoreBedOptions {
  readonly reference: string
  /** Makes this the credential; gives the version as it is shown. */
  put(key: string): string
  /** How often the server was asked for the secret. */
  reads(): number
  /** How often one read may ask. */
  readonly attempts: number
  /** What the server does from now on. */
  trouble(kind: Trouble | undefined): void
  /** What may be nowhere but in the store. */
  hidden(): readonly string[]
  /** Whether the proxy left nothing there when it ended. */
  isLeft(): boolean
  close(): Promise<void>
}

export const SLOW_MS = 600
export const THROTTLED_SECONDS = 2
/** An answer counts for a second, and for three more while the store is away. */
const LIFETIME = { fresh: '1s', stale: '3s' } as const

const never = new Promise<never>(() => undefined)

export async function openHashicorp(authority: Authority): Promise<RemoteStore> {
  const vault = await startFakeVault({ authority })
  const troubles: Readonly<Record<Trouble, () => Answer | Promise<Answer | undefined>>> = {
    down: () => ({ status: 503, body: { errors: ['Vault is sealed'] } }),
    forbidden: () => ({ status: 403, body: { errors: ['permission denied'] } }),
    throttled: () => ({ status: 429, headers: { 'retry-after': String(THROTTLED_SECONDS) } }),
    silent: () => never,
    slow: () => setTimeout(SLOW_MS, undefined),
  }
  return {
    reference: 'hashicorp:secret/data/stripe#key',
    ...{ authority, attempts: 2, source: () => 'hashicorp:secret/data/stripe#key' },
    stores: (directory) => ({
      hashicorp: {
        ...{ address: vault.url, auth: 'approle', allow_private_address: true, ...LIFETIME },
        role_id: `file:${directory.write('role-id', vault.roleId)}`,
        secret_id: `file:${directory.write('secret-id', vault.secretId)}`,
        ca_file: directory.write('vault.pem', authority.certificate),
      },
    }),
    put: (key) => `v${vault.putV2('stripe', { key })}`,
    reads: () => vault.requests.filter((line) => line.startsWith('GET secret/')).length,
    trouble(kind) {
      vault.fault =
        kind && ((request) => (request.startsWith('GET ') ? troubles[kind]() : undefined))
      // A token that was refused is given up, and would live on to its end.
      if (kind === undefined) vault.dropTokens()
    },
    hidden: () => [vault.secretId, 'hvs.'],
    isLeft: () => vault.liveTokens() > 0,
    close: () => vault.close(),
  }
}

export async function openSecretsManager(authority: Authority): Promise<RemoteStore> {
  const region = 'eu-central-1'
  const aws = await startFakeSecretsManager({ authority, region })
  const troubles: Readonly<Record<Trouble, () => AwsAnswer | Promise<AwsAnswer | undefined>>> = {
    down: () => ({ status: 503, type: 'ServiceUnavailable' }),
    forbidden: () => ({ status: 403, type: 'AccessDeniedException' }),
    throttled: () => ({
      ...{ status: 429, type: 'ThrottlingException' },
      headers: { 'retry-after': String(THROTTLED_SECONDS) },
    }),
    silent: () => never,
    slow: () => setTimeout(SLOW_MS, undefined),
  }
  return {
    reference: 'aws-sm:prod/stripe#key',
    ...{ authority, attempts: 2, source: () => 'aws-sm:prod/stripe#key', variables: AWS_PAIR },
    stores: (directory) => ({
      aws_sm: {
        ...{ region, endpoint: aws.url, allow_private_address: true, ...LIFETIME },
        ca_file: directory.write('aws.pem', authority.certificate),
      },
    }),
    put: (key) => aws.put('prod/stripe', JSON.stringify({ key })).replaceAll('-', ''),
    reads: () => aws.requests.length,
    trouble(kind) {
      aws.fault = kind && troubles[kind]
    },
    hidden: () => [AWS_PAIR.AWS_SECRET_ACCESS_KEY],
    isLeft: () => false,
    close: () => aws.close(),
  }
}
