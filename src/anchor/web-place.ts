/**
 * Somebody else's server: checkpoints are posted as a signed webhook, or put as one object of notes. It is
 * not asked what it has; whoever calls remembers that.
 */

import { createHash } from 'node:crypto'
import type { SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { signWebhook } from '../injection/webhook-signature.ts'
import { createPost, type Posting } from '../jobs/post.ts'
import { createDial } from '../network/dial.ts'
import type { Secret } from '../secret/secret.ts'
import type { WebhookUrl } from '../secret/webhook-url.ts'
import type { AnchorPlace, Handover } from './place.ts'

export interface WebPlaceParts {
  readonly method: 'POST' | 'PUT'
  readonly url: WebhookUrl
  /** Signs what is posted. */
  readonly secret: Secret | undefined
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  /** What was handed over before. */
  readonly known: AnchorPlace['known']
}

const TIMEOUT_MS = 15_000
const OTHER = /[^\x20-\x7e]/g

/** The path and the query may be secrets, so the name is without them. */
export function openWebPlace(parts: WebPlaceParts): AnchorPlace {
  const { method, url, ca, allowPrivateAddress, known } = parts
  const name = `${url.protocol}//${url.hostname}:${url.port}`
  const post = createPost({ dial: createDial(), now: Date.now, timeoutMs: TIMEOUT_MS })
  return {
    name,
    known,
    async write(handover) {
      if (handover.checkpoints.length === 0) return
      const content = method === 'PUT' ? objectOf(handover, known) : messageOf(handover, parts)
      const posting: Posting = { ...content, method, url, ca, allowPrivateAddress }
      const posted = await post(posting, new AbortController().signal)
      if (!posted.ok)
        throw new Failure('refused', `${name} did not take it: ${posted.error.problem}`)
    },
  }
}

type Content = Pick<Posting, 'headers' | 'body'>

/** All writers, since it takes the place of what was there. */
function objectOf({ checkpoints }: Handover, known: AnchorPlace['known']): Content {
  const all = new Map([...known, ...checkpoints.map((each) => [each.origin, each] as const)])
  const body = [...all.values()].map(({ note }) => note).join('\n')
  return { headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
}

/** As Standard Webhooks asks for; the same checkpoints have the same id, however often they are sent. */
function messageOf({ checkpoints, publicKey, at }: Handover, { secret }: WebPlaceParts): Content {
  const data = { publicKey, checkpoints: checkpoints.map(viewOf) }
  const message = { type: 'audit.checkpoint', timestamp: new Date(at).toISOString(), data }
  const body = JSON.stringify(message).replace(OTHER, escapeUnit)
  const notes = checkpoints.map(({ note }) => note).join('\n')
  const id = `msg_${createHash('sha256').update(notes).digest('hex').slice(0, 32)}`
  const timestamp = Math.floor(at / 1000)
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp) }
  if (!secret) return { headers, body }
  const signed = signWebhook(secret, { id, timestamp, body })
  if (!signed.ok) throw new Failure('refused', `the webhook's secret: ${signed.error.problem}`)
  return { headers: { ...headers, 'webhook-signature': signed.value }, body }
}

function viewOf({ origin, size, root, note }: SignedCheckpoint) {
  return { origin, size, root: root.toString('base64'), note }
}

/** Outside of strings JSON has no such characters. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
