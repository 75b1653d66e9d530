/** Secret stores elsewhere: where they are, how the proxy proves itself, how long answers count. */

import { resolve } from 'node:path'
import { z } from 'zod'
import type { RemoteSource, SourceReference } from '../secret/reference.ts'
import { isLoopback } from './address.ts'
import { absolutePath, duration, flag, mountedReference, path, section, textThat } from './forms.ts'
import { required, setting } from './setting.ts'
import { presetSeconds } from './units.ts'

export const STORE_PRESETS = {
  fresh: '5m',
  stale: '15m',
  jwtFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
} as const

interface StoreNetwork {
  readonly allowPrivateAddress: boolean
  /** Absolute. */
  readonly caFile: string | undefined
  /** An answer is used so long without asking again, and so much longer while the store is down. */
  readonly lifetime: { readonly freshMs: number; readonly staleMs: number }
}

export type HashicorpAuth =
  | { readonly method: 'token'; readonly token: SourceReference }
  | {
      readonly method: 'approle'
      readonly mount: string
      readonly roleId: SourceReference
      readonly secretId: SourceReference
    }
  | {
      readonly method: 'kubernetes'
      readonly mount: string
      readonly role: string
      readonly jwtFile: string
    }

export interface HashicorpSettings extends StoreNetwork {
  readonly address: URL
  readonly namespace: string | undefined
  readonly auth: HashicorpAuth
}

export interface AwsStoreSettings extends StoreNetwork {
  /** Absent: what the SDK finds in the environment or the profile. */
  readonly region: string | undefined
  readonly endpoint: URL | undefined
}

/** Each of them absent: no reference names it. */
export interface StoreSettings {
  readonly hashicorp: HashicorpSettings | undefined
  readonly awsSm: AwsStoreSettings | undefined
}

const storeUrl = () =>
  z
    .string({ error: 'must be https://HOST:PORT' })
    .refine(isStoreUrl, {
      error:
        'must be https://HOST:PORT, without credentials and query; http:// only on this machine',
    })
    .transform((raw) => new URL(raw))

const mountPath = () =>
  textThat((raw) => /^[\w.-]+(?:\/[\w.-]+)*$/.test(raw), 'must be the path of an auth mount')
const storeName = (what: string) =>
  textThat((raw) => /^[\w.@/-]{1,256}$/.test(raw), `must be the name of ${what}`)

const network = {
  allow_private_address: setting(flag(), {
    form: 'true or false',
    meaning: 'lets the store be on loopback or in a private network',
    preset: 'false',
  }),
  ca_file: setting(path(), {
    form: 'path',
    meaning: 'certificates (PEM) that verify the store, instead of the public ones',
  }),
  fresh: setting(duration(), {
    form: 'duration',
    meaning: 'how long a secret is used before the store is asked again',
    preset: STORE_PRESETS.fresh,
  }),
  stale: setting(duration(), {
    form: 'duration',
    meaning: 'how much longer while the store cannot be asked; then requests are refused',
    preset: STORE_PRESETS.stale,
  }),
}

const hashicorpFields = section({
  address: required(storeUrl(), {
    form: 'https://HOST:PORT',
    meaning: 'where HashiCorp Vault or OpenBao is',
  }),
  namespace: setting(storeName('a namespace'), {
    form: 'namespace',
    meaning: 'the namespace of all paths, login included',
  }),
  auth: required(
    z.enum(['token', 'approle', 'kubernetes'], { error: 'must be token, approle or kubernetes' }),
    { form: 'token, approle or kubernetes', meaning: 'how the proxy proves itself' },
  ),
  token: setting(mountedReference(), {
    form: 'env:VARIABLE or file:/PATH',
    meaning: 'where the token is kept, for `auth: token`; read again when it changes',
  }),
  role_id: setting(mountedReference(), {
    form: 'env:VARIABLE or file:/PATH',
    meaning: 'where the role id is kept, for `auth: approle`',
  }),
  secret_id: setting(mountedReference(), {
    form: 'env:VARIABLE or file:/PATH',
    meaning: 'where the secret id is kept, for `auth: approle`',
  }),
  role: setting(storeName('a role'), {
    form: 'name',
    meaning: 'the role, for `auth: kubernetes`',
  }),
  jwt_file: setting(absolutePath(), {
    form: 'absolute path',
    meaning: "the service account's token, for `auth: kubernetes`; read at each login",
    preset: STORE_PRESETS.jwtFile,
  }),
  mount: setting(mountPath(), {
    form: 'path',
    meaning: 'where the auth method is mounted',
    preset: 'as the method is called',
  }),
  ...network,
})

type HashicorpSection = z.output<typeof hashicorpFields>
type Field = keyof HashicorpSection

/** What each method needs, and what it may have besides. */
const AUTH_FIELDS: Readonly<
  Record<HashicorpSection['auth'], { needs: readonly Field[]; may: readonly Field[] }>
> = {
  token: { needs: ['token'], may: [] },
  approle: { needs: ['role_id', 'secret_id'], may: ['mount'] },
  kubernetes: { needs: ['role'], may: ['jwt_file', 'mount'] },
}
const ALL_AUTH_FIELDS = [
  ...new Set(Object.values(AUTH_FIELDS).flatMap(({ needs, may }) => [...needs, ...may])),
]

const hashicorpSection = hashicorpFields.superRefine((store, check) => {
  const { needs, may } = AUTH_FIELDS[store.auth]
  const mistake = (field: Field, message: string) => {
    check.addIssue({ code: 'custom', path: [field], message, input: store })
  }
  for (const field of needs)
    if (store[field] === undefined) mistake(field, `is needed with auth: ${store.auth}`)
  for (const field of ALL_AUTH_FIELDS)
    if (store[field] !== undefined && ![...needs, ...may].includes(field))
      mistake(field, `means nothing with auth: ${store.auth}`)
})

const awsSection = section({
  region: setting(
    textThat((raw) => /^[a-z0-9-]{2,32}$/.test(raw), 'must be a region'),
    {
      form: 'region',
      meaning: 'the region of the secrets, as eu-central-1',
      preset: "the SDK's: AWS_REGION or the profile",
    },
  ),
  endpoint: setting(storeUrl(), {
    form: 'https://HOST:PORT',
    meaning: 'asks this instead of the public endpoint of the region (a VPC endpoint, a test)',
  }),
  ...network,
})

export const storesSection = section({
  hashicorp: hashicorpSection.optional(),
  aws_sm: awsSection.optional(),
})

type StoresSection = z.output<typeof storesSection>

/** The section that says where the store of a reference is. */
export const STORE_SECTIONS: Readonly<Record<RemoteSource, keyof StoresSection>> = {
  hashicorp: 'hashicorp',
  'aws-sm': 'aws_sm',
}

export function storeSettings(
  settings: StoresSection | undefined,
  directory: string,
): StoreSettings {
  const { hashicorp, aws_sm: aws } = settings ?? {}
  return {
    hashicorp: hashicorp && {
      address: hashicorp.address,
      namespace: hashicorp.namespace,
      auth: authOf(hashicorp),
      ...networkOf(hashicorp, directory),
    },
    awsSm: aws && { region: aws.region, endpoint: aws.endpoint, ...networkOf(aws, directory) },
  }
}

/** The references that prove the proxy to a store, by setting. */
export function storeReferences({ hashicorp }: StoresSection = {}): readonly (readonly [
  readonly string[],
  SourceReference,
])[] {
  if (!hashicorp) return []
  return (['token', 'role_id', 'secret_id'] as const).flatMap((field) => {
    const reference = hashicorp[field]
    return reference ? [[['stores', 'hashicorp', field], reference] as const] : []
  })
}

function authOf(section: HashicorpSection): HashicorpAuth {
  const { auth: method, token, role_id: roleId, secret_id: secretId, role } = section
  const mount = section.mount ?? method
  if (method === 'token' && token) return { method, token }
  if (method === 'approle' && roleId && secretId) return { method, mount, roleId, secretId }
  const jwtFile = section.jwt_file ?? STORE_PRESETS.jwtFile
  return { method: 'kubernetes', mount, role: role ?? '', jwtFile }
}

type NetworkSection = Pick<
  HashicorpSection,
  'allow_private_address' | 'ca_file' | 'fresh' | 'stale'
>

function networkOf(section: NetworkSection, directory: string): StoreNetwork {
  const { ca_file: caFile } = section
  const fresh = section.fresh ?? presetSeconds(STORE_PRESETS.fresh)
  const stale = section.stale ?? presetSeconds(STORE_PRESETS.stale)
  return {
    allowPrivateAddress: section.allow_private_address ?? false,
    caFile: caFile === undefined ? undefined : resolve(directory, caFile),
    lifetime: { freshMs: fresh * 1000, staleMs: stale * 1000 },
  }
}

function isStoreUrl(raw: string): boolean {
  const url = URL.canParse(raw) ? new URL(raw) : undefined
  if (!url || url.username !== '' || url.password !== '' || /[?#]/.test(raw)) return false
  if (url.protocol === 'https:') return true
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return url.protocol === 'http:' && isLoopback({ host, port: 0 })
}
