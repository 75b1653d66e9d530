/**
 * Every setting of apistronghold.yaml: name, form, meaning and default. The reference in docs/
 * and the APISTRONGHOLD_ variables are made from it.
 */

import { z } from 'zod'
import { alertsSection } from './alerts.ts'
import { auditSection } from './audit.ts'
import {
  absolutePath,
  duration,
  environmentName,
  flag,
  hostName,
  listOf,
  mapOf,
  operatorName,
  origin,
  path,
  recipient,
  reference,
  sealerKey,
  section,
  serviceId,
  size,
  splitName,
  variableName,
  workers,
} from './forms.ts'
import { limitsSection } from './limits.ts'
import { controlSection, dataSection } from './listeners.ts'
import { setting, settingNotes } from './setting.ts'
import { storesSection } from './stores.ts'
import { upstreamProxySection } from './upstream-proxy.ts'

/** Defaults as a file would spell them. */
export const PRESETS = {
  defaultTtl: '1h',
  maxTtl: '24h',
} as const

const vaultSection = section({
  recipient: setting(recipient(), {
    form: 'age1...',
    meaning: 'public key that `secret set` seals to; its private half is `keys/vault.key`',
  }),
  sealers: setting(mapOf(operatorName(), sealerKey(), 'OPERATOR: ed25519:...'), {
    form: 'operator: ed25519:...',
    meaning: 'the operators whose sealed secrets this proxy opens',
  }),
})

const tokensSection = section({
  default_ttl: setting(duration(), {
    form: 'duration',
    meaning: 'life of a token that was issued without `--ttl`',
    preset: PRESETS.defaultTtl,
  }),
  max_ttl: setting(duration(), {
    form: 'duration',
    meaning: 'the longest life that a token may be given',
    preset: PRESETS.maxTtl,
  }),
})

const serviceSection = section({
  extends: setting(serviceId(), {
    form: 'service id',
    meaning: 'makes this a service of its own with the rules of another',
  }),
  credential: setting(reference(), {
    form: 'vault:NAME, env:VARIABLE, file:/PATH, hashicorp:PATH#FIELD or aws-sm:NAME#FIELD',
    meaning: 'where the credential is kept; never the credential itself',
    preset: 'vault:<service>',
  }),
  splits: setting(mapOf(splitName(), reference(), 'SPLIT: reference'), {
    form: 'split: reference',
    meaning: 'where the credentials of single scopes are kept, as `admin` of `openai-admin`',
    preset: 'vault:<service>-<split>',
  }),
  origin: setting(origin(), {
    form: 'https://HOST:PORT',
    meaning: 'dials this instead (a mock, a private gateway); the rules stay as they are',
  }),
  token_origin: setting(origin(), {
    form: 'https://HOST:PORT',
    meaning:
      'asks this for the tokens that are minted (OAuth, apps), at the path of the service file',
  }),
  ca_file: setting(path(), {
    form: 'path',
    meaning: 'certificates (PEM) that verify both origins, instead of the public ones',
  }),
  allow_private_address: setting(flag(), {
    form: 'true or false',
    meaning: 'lets both origins be on loopback or in a private network',
    preset: 'false',
  }),
  hosts: setting(listOf(hostName(), 'host names'), {
    form: 'list of host names',
    meaning: "exact names under the service's wildcard hosts that may receive the credential",
  }),
  body_limit: setting(size(), {
    form: 'size',
    meaning: 'the largest body that a condition may read; a larger one is refused there',
    preset: '10MiB',
  }),
})

export const environmentSchema = section({
  state_dir: setting(path(), {
    form: 'auto or path',
    meaning: 'keys, database, audit and logs; never where agents look',
    preset: 'auto',
  }),
  data: dataSection.optional(),
  control: controlSection.optional(),
  database: setting(
    z.literal('sqlite', { error: 'must be sqlite; PostgreSQL comes in a later release' }),
    {
      form: 'sqlite',
      meaning: 'where agents, grants, operators and sealed secrets are kept',
      preset: 'sqlite',
    },
  ),
  workers: setting(workers(), {
    form: 'number or auto',
    meaning: 'processes that serve the data plane behind its port; `auto` is one for each core',
    preset: '1',
  }),
  upstream_proxy: upstreamProxySection.optional(),
  vault: vaultSection.optional(),
  tokens: tokensSection.optional(),
  services: mapOf(serviceId(), serviceSection, 'SERVICE: {settings}').optional(),
  secret_dirs: setting(listOf(absolutePath(), 'absolute paths'), {
    form: 'list of absolute paths',
    meaning: 'the only directories that `file:` references may read from',
  }),
  env_sources: setting(listOf(variableName(), 'names of environment variables'), {
    form: 'list of variable names',
    meaning: 'the only variables that `env:` references may read; `start` hands them on',
  }),
  stores: storesSection.optional(),
  audit: auditSection.optional(),
  alerts: alertsSection.optional(),
  limits: limitsSection.optional(),
})

export const fileSchema = z.strictObject(
  {
    version: z
      .literal(1, { error: 'must be 1, the version of this format' })
      .register(settingNotes, { form: '1', meaning: 'version of this format; always there' }),
    default_env: setting(environmentName(), {
      form: 'environment name',
      meaning: 'the environment that commands use without `--env`',
      preset: 'the only one there is',
    }),
    environments: mapOf(environmentName(), environmentSchema, 'NAME: {settings}'),
  },
  { error: 'must hold version and environments' },
)

export type FileSettings = z.output<typeof fileSchema>
export type EnvironmentSettings = z.output<typeof environmentSchema>
export type ServiceSection = z.output<typeof serviceSection>
