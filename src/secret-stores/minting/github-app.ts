/**
 * Installation tokens of a GitHub App: a JWT of the app is exchanged for a token of an hour
 * (GitHub REST, "Create an installation access token for an app").
 */

import { z } from 'zod'
import type { Reply } from '../../base/ask.ts'
import { Failure } from '../../base/errors.ts'
import type { MintRule } from '../../catalog/service.ts'
import { Secret } from '../../secret/secret.ts'
import { retryAfterOf } from '../rest.ts'
import { signAssertion, textOf } from './assertion.ts'
import type { Fields, Minted, MinterParts } from './mint.ts'

/** GitHub takes ten minutes at most. */
const LIFE_SECONDS = 9 * 60

const answerSchema = z.object({
  token: z.string().min(1),
  expires_at: z.iso.datetime({ offset: true }),
})

export async function mintForInstallation(
  { url, ca, allowPrivateAddress }: MintRule,
  fields: Fields,
  { ask, now }: MinterParts,
): Promise<Minted> {
  const claims = { iss: textOf(fields, 'app_id') }
  const jwt = await signAssertion(fields, { claims, now: now(), lifeSeconds: LIFE_SECONDS })
  const reply = await ask({
    ...{ method: 'POST', url: new URL(url), body: undefined, ca, allowPrivateAddress },
    headers: {
      authorization: `Bearer ${jwt}`,
      accept: 'application/vnd.github+json',
      'content-length': '0',
    },
  })
  refuse(reply, now())
  const answer = answerSchema.safeParse(parsed(reply.body))
  if (!answer.success)
    throw new Failure('secret_store_unavailable', 'the answer holds no installation token')
  const { token, expires_at: expiresAt } = answer.data
  const minted = new Map([['secret', new Secret(token)]])
  return { fields: minted, expiresAt: Date.parse(expiresAt), refreshToken: undefined }
}

function refuse({ status, headers }: Reply, now: number): void {
  if (status === 201 || status === 200) return
  const isRefused = status === 401 || status === 404 || status === 422
  throw new Failure(
    isRefused ? 'secret_invalid' : 'secret_store_unavailable',
    `an installation token was answered with ${status}${isRefused ? ': see app_id, installation_id and private_key' : ''}`,
    retryAfterOf(headers, now),
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
