/** The stores elsewhere that the configuration names, opened when they are first read from. */

import { readFileSync } from 'node:fs'
import type { Now } from '../base/clock.ts'
import type { Dial } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { AwsStoreSettings, HashicorpSettings, StoreSettings } from '../config/stores.ts'
import { createAsk } from '../network/ask.ts'
import type { RemoteSource, SourceReference } from '../secret/reference.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import type { Secret } from '../secret/secret.ts'
import { createAwsStore } from '../secret-stores/aws-secrets-manager.ts'
import type { VaultAuth } from '../secret-stores/hashicorp/login.ts'
import { createHashicorpStore } from '../secret-stores/hashicorp/store.ts'
import { createLiveStore } from '../secret-stores/live-store.ts'
import type { ValueVersion } from '../secret-stores/value-version.ts'

/** One question of the several that a read may take. */
const ASK_MS = 4000

export interface RemoteStoreParts {
  /** As the configuration is right now. */
  readonly settings: () => StoreSettings
  readonly readMounted: (reference: SourceReference) => Promise<Secret | undefined>
  /** Made when the first store is: the proxy on the way out may need a secret itself. */
  readonly openDial: () => Dial
  readonly versionOf: ValueVersion
  readonly now: Now
}

export function openRemoteStores(
  parts: RemoteStoreParts,
): Readonly<Record<RemoteSource, Required<SecretStore>>> {
  const { settings } = parts
  return {
    hashicorp: createLiveStore({
      name: 'stores.hashicorp',
      settings: () => settings().hashicorp,
      open: (current) => openHashicorp(current, parts),
    }),
    'aws-sm': createLiveStore({
      name: 'stores.aws_sm',
      settings: () => settings().awsSm,
      open: (current) => openAws(current, parts),
    }),
  }
}

function openHashicorp(settings: HashicorpSettings, parts: RemoteStoreParts): SecretStore {
  const { readMounted, openDial, versionOf, now } = parts
  const { address, namespace, allowPrivateAddress } = settings
  return createHashicorpStore({
    ...{ address, namespace, allowPrivateAddress, versionOf, now },
    ca: readAuthority('hashicorp', settings.caFile),
    auth: authOf(settings, readMounted),
    ask: createAsk({ dial: openDial(), timeoutMs: ASK_MS }),
  })
}

function authOf(
  { auth }: HashicorpSettings,
  readMounted: RemoteStoreParts['readMounted'],
): VaultAuth {
  const reader = (reference: SourceReference) => () => readMounted(reference)
  switch (auth.method) {
    case 'token':
      return { method: 'token', readToken: reader(auth.token) }
    case 'approle':
      return {
        ...{ method: 'approle', mount: auth.mount },
        readRoleId: reader(auth.roleId),
        readSecretId: reader(auth.secretId),
      }
    case 'kubernetes':
      return auth
  }
}

function openAws(settings: AwsStoreSettings, { openDial }: RemoteStoreParts): SecretStore {
  const { region, endpoint, allowPrivateAddress } = settings
  const ca = readAuthority('aws_sm', settings.caFile)
  return createAwsStore({ region, endpoint, ca, allowPrivateAddress, dial: openDial() })
}

function readAuthority(store: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = systemErrorCode(error) ?? 'it cannot be read'
    throw new Failure('secret_store_unavailable', `stores.${store}.ca_file: ${path}: ${why}`)
  }
}
