/**
 * Keys of an AWS role for an hour: AssumeRole of the Security Token Service, signed with the stored
 * pair (AWS STS API reference, 2011-06-15).
 */

import type { Reply } from '../../base/ask.ts'
import { Failure } from '../../base/errors.ts'
import { sha256 } from '../../injection/sigv4/canonical.ts'
import { signHead } from '../../injection/sigv4/sign.ts'
import type { MintRule } from '../../catalog/service.ts'
import { Secret } from '../../secret/secret.ts'
import { retryAfterOf } from '../rest.ts'
import { textOf } from './assertion.ts'
import type { Fields, Minted, MinterParts } from './mint.ts'

const LIFE_SECONDS = 3600

export async function mintByAssumingRole(
  { url: text, ca, allowPrivateAddress }: MintRule,
  fields: Fields,
  { ask, now }: MinterParts,
): Promise<Minted> {
  const url = new URL(text)
  const body = bodyOf(fields)
  const signed = signHead(
    { path: url.pathname, query: undefined, headers: [['content-type', FORM]] },
    fields,
    {
      ...{ method: 'POST', authority: url.host, service: 'sts', region: regionOf(url) },
      payload: { kind: 'digest', text: sha256(Buffer.from(body)) },
      now: now(),
    },
  )
  if (!signed.ok) throw new Failure('secret_invalid', 'the stored key pair cannot sign')
  const headers = Object.fromEntries(signed.value.outgoing.headers)
  const reply = await ask({ method: 'POST', url, headers, body, ca, allowPrivateAddress })
  if (reply.status !== 200) throw refusalOf(reply, now())
  return mintedOf(reply.body)
}

const FORM = 'application/x-www-form-urlencoded; charset=utf-8'

function bodyOf(fields: Fields): string {
  const externalId = fields.get('external_id')?.reveal()
  return new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: textOf(fields, 'role_arn'),
    RoleSessionName: 'apistronghold',
    DurationSeconds: String(LIFE_SECONDS),
    ...(externalId !== undefined && { ExternalId: externalId }),
  }).toString()
}

/** `sts.eu-west-1.amazonaws.com` signs for its region, all others for the first one. */
function regionOf({ hostname }: URL): string {
  return /^sts\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(hostname)?.[1] ?? 'us-east-1'
}

function mintedOf(xml: string): Minted {
  const accessKeyId = elementOf(xml, 'AccessKeyId')
  const secret = elementOf(xml, 'SecretAccessKey')
  const session = elementOf(xml, 'SessionToken')
  const expiresAt = Date.parse(elementOf(xml, 'Expiration') ?? '')
  if (!accessKeyId || !secret || !session || Number.isNaN(expiresAt))
    throw new Failure('secret_store_unavailable', 'the answer holds no keys of a role')
  const fields = new Map([
    ['access_key_id', new Secret(accessKeyId)],
    ['secret_access_key', new Secret(secret)],
    ['session_token', new Secret(session)],
  ])
  return { fields, expiresAt, refreshToken: undefined }
}

/** Its values are base64, names and dates: no element in them, and nothing that is escaped. */
function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>\\s*([\\w+/=:.-]+)\\s*</${name}>`).exec(xml)?.[1]
}

/** Errors that another try may cure; AWS answers some of them with 400. */
const PASSING = new Set(['Throttling', 'ThrottlingException', 'RequestLimitExceeded'])

function refusalOf({ status, headers, body }: Reply, now: number): Failure {
  const code = elementOf(body, 'Code') ?? 'no code'
  const isRefused = status >= 400 && status < 500 && status !== 429 && !PASSING.has(code)
  const hint = isRefused ? ': see role_arn, external_id and who the role trusts' : ''
  return new Failure(
    isRefused ? 'secret_invalid' : 'secret_store_unavailable',
    `AssumeRole was answered with ${status} (${/^[\w.]{1,64}$/.test(code) ? code : 'no code'})${hint}`,
    retryAfterOf(headers, now),
  )
}
