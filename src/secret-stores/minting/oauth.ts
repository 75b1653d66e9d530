/**
 * Access tokens of OAuth 2: by a refresh token (RFC 6749, 6), for the client itself (4.4), or for a
 * signed assertion (RFC 7523), which is how Google's service accounts ask.
 */

import type { Configuration, CustomFetch, TokenEndpointResponse } from 'openid-client'
import type { Reply } from '../../base/ask.ts'
import { Failure } from '../../base/errors.ts'
import type { MintRule } from '../../catalog/service.ts'
import { Secret } from '../../secret/secret.ts'
import { retryAfterOf } from '../rest.ts'
import { signAssertion, textOf } from './assertion.ts'
import type { Fields, Minted, MinterParts } from './mint.ts'

type Library = typeof import('openid-client')

interface Asking extends MinterParts {
  readonly rule: MintRule
  readonly fields: Fields
  readonly library: Library
}

/** For a server that does not say how long its tokens live (RFC 6749, 5.1: it should). */
const UNSAID_LIFE_SECONDS = 300
const ASSERTION_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const ASSERTION_SECONDS = 3600

export async function mintByOAuth(
  rule: MintRule,
  fields: Fields,
  parts: MinterParts,
): Promise<Minted> {
  const library = await import('openid-client')
  const asking = { ...parts, rule, fields, library }
  const before = parts.now()
  const trouble: { last?: Failure } = {}
  try {
    const answer = await grant(asking, configure(asking, trouble))
    return mintedOf(answer, before)
  } catch (error) {
    throw trouble.last ?? refusalOf(error, library)
  }
}

function grant(asking: Asking, config: Configuration): Promise<TokenEndpointResponse> {
  const { library, rule, fields } = asking
  switch (rule.grant) {
    case 'oauth2_refresh':
      return library.refreshTokenGrant(config, textOf(fields, 'refresh_token'), extrasOf(rule))
    case 'oauth2_client_credentials':
      return library.clientCredentialsGrant(config, extrasOf(rule))
    case 'google_service_account':
    case 'github_app':
    case 'aws_assume_role': // no grants of OAuth: never here
      return assertionGrant(asking, config)
  }
}

async function assertionGrant(
  { library, rule, fields, now }: Asking,
  config: Configuration,
): Promise<TokenEndpointResponse> {
  const subject = fields.get('subject')?.reveal()
  const claims = {
    iss: textOf(fields, 'client_email'),
    aud: rule.url,
    scope: rule.scope,
    ...(subject !== undefined && { sub: subject }),
  }
  const order = { claims, now: now(), lifeSeconds: ASSERTION_SECONDS }
  const assertion = await signAssertion(fields, order)
  return library.genericGrantRequest(config, ASSERTION_GRANT, { assertion })
}

function extrasOf({ scope, audience }: MintRule): Record<string, string> {
  return { ...(scope !== undefined && { scope }), ...(audience !== undefined && { audience }) }
}

function configure(asking: Asking, trouble: { last?: Failure }): Configuration {
  const { library, rule, fields } = asking
  const server = { issuer: new URL(rule.url).origin, token_endpoint: rule.url }
  const clientId = fields.get('client_id')?.reveal() ?? textOf(fields, 'client_email')
  const config = new library.Configuration(server, clientId, {}, authenticationOf(asking))
  config[library.customFetch] = askingFetch(asking, trouble)
  return config
}

function authenticationOf({ library, rule, fields }: Asking) {
  const secret = fields.get('client_secret')?.reveal()
  if (secret === undefined) return library.None()
  return rule.clientAuth === 'post'
    ? library.ClientSecretPost(secret)
    : library.ClientSecretBasic(secret)
}

/** The library's way to the network: ours, with its bounds and address guard. */
function askingFetch({ ask, rule, now }: Asking, trouble: { last?: Failure }): CustomFetch {
  return async (url, { headers, body }) => {
    try {
      const question = questionBody(rule, body)
      const reply = await ask({
        ...{ method: 'POST', url: new URL(url), ca: rule.ca },
        allowPrivateAddress: rule.allowPrivateAddress,
        headers: { ...Object.fromEntries(new Headers(headers)), 'content-type': question.type },
        body: question.text,
      })
      return responseOf(reply, now())
    } catch (error) {
      if (error instanceof Failure) trouble.last = error
      throw error
    }
  }
}

function questionBody({ body: kind }: MintRule, body: unknown) {
  const form = body instanceof URLSearchParams ? body : new URLSearchParams(String(body))
  return kind === 'json'
    ? { type: 'application/json', text: JSON.stringify(Object.fromEntries(form)) }
    : { type: 'application/x-www-form-urlencoded;charset=UTF-8', text: form.toString() }
}

function responseOf({ status, headers, body }: Reply, now: number): Response {
  if (status === 429 || status >= 500 || status < 200)
    throw new Failure(
      'secret_store_unavailable',
      `the token endpoint answered ${status}`,
      retryAfterOf(headers, now),
    )
  return new Response(withoutIdentity(body), {
    status,
    headers: { 'content-type': headers.get('content-type') ?? '' },
  })
}

/** Who the user is does not matter here, and who says so is often another issuer. */
function withoutIdentity(body: string): string {
  try {
    const answer: unknown = JSON.parse(body)
    if (typeof answer !== 'object' || answer === null || !('id_token' in answer)) return body
    return JSON.stringify({ ...answer, id_token: undefined })
  } catch {
    return body // for the library to refuse
  }
}

function mintedOf(answer: TokenEndpointResponse, before: number): Minted {
  const lifeSeconds = answer.expires_in ?? UNSAID_LIFE_SECONDS
  return {
    fields: new Map([['secret', new Secret(answer.access_token)]]),
    expiresAt: before + lifeSeconds * 1000,
    refreshToken: answer.refresh_token === undefined ? undefined : new Secret(answer.refresh_token),
  }
}

/** The error codes of RFC 6749, 5.2: anything else that a server says may quote what it was sent. */
const KNOWN = [
  ...['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client'],
  ...['unsupported_grant_type', 'invalid_scope'],
]

function refusalOf(error: unknown, { ResponseBodyError }: Library): Failure {
  if (error instanceof Failure) return error
  const isRefused = error instanceof ResponseBodyError && KNOWN.includes(error.error)
  if (!isRefused)
    return new Failure('secret_store_unavailable', 'the token endpoint gave no usable answer')
  const hint = error.error === 'invalid_grant' ? ': what it was given expired or was revoked' : ''
  return new Failure('secret_invalid', `the token endpoint says ${error.error}${hint}`)
}
