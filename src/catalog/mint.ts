/** Forms of a credential from which short-lived tokens are minted: what they hold, and whom to ask. */

import { err, ok, type Result } from '../base/result.ts'
import { isUnder } from './host.ts'
import type { FieldDefinition, FormDefinition } from './schema.ts'
import type { MintGrant, MintRule, OriginOverride } from './service.ts'

/** Who is asked instead of the host that the catalogue names. */
export interface MintPlace {
  /** In place of any host that tokens come from. */
  readonly tokenOrigin: OriginOverride | undefined
  /** In place of the service's own hosts. */
  readonly origin: OriginOverride | undefined
  readonly hosts: readonly string[]
}

const CLIENT: readonly FieldDefinition[] = [
  { name: 'client_id' },
  { name: 'client_secret', secret: true, optional: true },
]

const PAIR: readonly FieldDefinition[] = [
  { name: 'access_key_id' },
  { name: 'secret_access_key', secret: true },
  { name: 'session_token', secret: true, optional: true },
]

/** What a form holds that does not say it itself. */
export const FIELDS_BY_GRANT: ReadonlyMap<string, readonly FieldDefinition[]> = new Map<
  MintGrant,
  readonly FieldDefinition[]
>([
  ['oauth2_refresh', [...CLIENT, { name: 'refresh_token', secret: true }]],
  ['oauth2_client_credentials', [{ name: 'client_id' }, { name: 'client_secret', secret: true }]],
  [
    'google_service_account',
    [
      { name: 'client_email' },
      { name: 'private_key', secret: true },
      { name: 'subject', optional: true },
    ],
  ],
  [
    'github_app',
    [{ name: 'app_id' }, { name: 'installation_id' }, { name: 'private_key', secret: true }],
  ],
  [
    'aws_assume_role',
    [
      ...PAIR,
      { name: 'role_arn', pattern: '^arn:aws[a-z-]*:iam::[0-9]{12}:role/' },
      { name: 'external_id', optional: true },
    ],
  ],
])

const URL_BY_GRANT: Readonly<Partial<Record<MintGrant, string>>> = {
  google_service_account: 'https://oauth2.googleapis.com/token',
  aws_assume_role: 'https://sts.amazonaws.com/',
  github_app: 'https://api.github.com/app/installations/{installation_id}/access_tokens',
}

const isMinted = (type: string): type is MintGrant => FIELDS_BY_GRANT.has(type)

/** Undefined for a form whose fields go into requests as they are. */
export function compileMint(
  { type, mint = {} }: FormDefinition,
  place: MintPlace,
): Result<MintRule | undefined, string> {
  if (!isMinted(type)) return ok(undefined)
  const url = mint.token_url ?? URL_BY_GRANT[type]
  if (url === undefined) return err(`${type} needs mint.token_url, where tokens are asked for`)
  if (type === 'google_service_account' && mint.scope === undefined)
    return err(`${type} needs mint.scope, as https://www.googleapis.com/auth/drive.readonly`)
  return ok({ grant: type, ...waysOf(mint), ...addressOf(url, overrideFor(url, place)) })
}

function waysOf({
  client_auth: clientAuth = 'basic',
  body = 'form',
  scope,
  audience,
}: NonNullable<FormDefinition['mint']>) {
  return { clientAuth, body, scope, audience }
}

function addressOf(url: string, override: OriginOverride | undefined) {
  if (!override) return { url, ca: undefined, allowPrivateAddress: false }
  const { url: origin, ca, allowPrivateAddress } = override
  return { url: url.replace(/^https:\/\/[^/]+/, () => origin), ca, allowPrivateAddress }
}

function overrideFor(
  url: string,
  { tokenOrigin, origin, hosts }: MintPlace,
): OriginOverride | undefined {
  return (
    tokenOrigin ?? (hosts.some((host) => isUnder(new URL(url).host, host)) ? origin : undefined)
  )
}
