/**
 * A bucket that wants its requests signed (AWS SigV4): each checkpoint is put under a name of its own.
 * It is not asked what it has, so that a key that may put and nothing else is enough.
 */

import { createHash } from 'node:crypto'
import type { SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { signHead } from '../injection/sigv4/sign.ts'
import { createPost, hostOf, type Posting } from '../jobs/post.ts'
import { createDial } from '../network/dial.ts'
import { Secret } from '../secret/secret.ts'
import { objectNameOf, type AnchorPlace } from './place.ts'
import type { S3Target } from './s3-target.ts'

export interface S3PlaceParts extends Omit<S3Target, 'kind'> {
  /** `access_key_id`, `secret_access_key`, perhaps `session_token`. */
  readonly credential: ReadonlyMap<string, Secret>
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  /** What was handed over before. */
  readonly known: AnchorPlace['known']
}

const TIMEOUT_MS = 15_000
const PRECONDITION_FAILED = 412

const VARIABLES = {
  access_key_id: 'AWS_ACCESS_KEY_ID',
  secret_access_key: 'AWS_SECRET_ACCESS_KEY',
  session_token: 'AWS_SESSION_TOKEN',
} as const

/** From the variables that AWS's own tools read. Throws `refused` where they are not set. */
export function credentialIn(
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, Secret> {
  const fields = new Map<string, Secret>()
  for (const [field, name] of Object.entries(VARIABLES)) {
    const value = env[name] ?? ''
    if (value !== '') fields.set(field, new Secret(value))
    else if (field !== 'session_token')
      throw new Failure('refused', `the variable ${name} is not set, which s3:// needs`)
  }
  return fields
}

export function openS3Place(parts: S3PlaceParts): AnchorPlace {
  const name = `s3://${parts.bucket}`
  const post = createPost({ dial: createDial(), now: Date.now, timeoutMs: TIMEOUT_MS })
  return {
    name,
    known: parts.known,
    async write({ checkpoints }) {
      for (const checkpoint of checkpoints) {
        const posted = await post(objectOf(checkpoint, parts), new AbortController().signal)
        if (!posted.ok)
          throw new Failure('refused', `${name} did not take it: ${posted.error.problem}`)
      }
    },
  }
}

/** Never one that is there: its name says what is in it, so that is as good as taken. */
function objectOf(checkpoint: SignedCheckpoint, parts: S3PlaceParts): Posting {
  const { credential, region, ca, allowPrivateAddress } = parts
  const url = { ...parts.url, path: `${parts.url.path}${objectNameOf(checkpoint)}` }
  const body = checkpoint.note
  const headers = [
    ['content-type', 'text/plain; charset=utf-8'],
    // A bucket with Object Lock takes nothing without one of the digests of its own.
    ['content-md5', createHash('md5').update(body).digest('base64')],
    ['if-none-match', '*'],
  ] as const
  const digest = createHash('sha256').update(body).digest('hex')
  const host = hostOf(url)
  const signed = signHead({ headers, path: url.path, query: undefined }, credential, {
    ...{ method: 'PUT', authority: host, region, service: 's3', now: Date.now() },
    payload: { kind: 'digest', text: digest },
  })
  if (!signed.ok) throw new Failure('refused', 'the AWS_ variables hold no usable credential')
  return {
    ...{ method: 'PUT', url, body, ca, allowPrivateAddress, takenStatus: PRECONDITION_FAILED },
    headers: { ...Object.fromEntries(signed.value.outgoing.headers), host },
  }
}
