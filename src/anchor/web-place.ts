/**
 * Somebody else's server: checkpoints are posted as a signed webhook, put as one object of notes, or put
 * each under a name of its own below a path. It is not asked what it has; whoever calls remembers that.
 */

import { createHash } from 'node:crypto'
import type { SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { signWebhook } from '../injection/webhook-signature.ts'
import { createPost, type Posting } from '../jobs/post.ts'
import { createDial } from '../network/dial.ts'
import type { Secret } from '../secret/secret.ts'
import type { WebhookUrl } from '../secret/webhook-url.ts'
import { objectNameOf, type AnchorPlace, type Handover } from './place.ts'

export interface WebPlaceParts {
  readonly method: 'POST' | 'PUT'
  readonly url: WebhookUrl
  /** Signs what is posted. */
  readonly secret: Secret | undefined
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
  /** From the first look-up to the status; 15 seconds unless given. */
  readonly timeoutMs?: number
  /** What was handed over before. */
  readonly known: AnchorPlace['known']
}

const TIMEOUT_MS = 15_000
const PRECONDITION_FAILED = 412
const AZURE = '.blob.core.windows.net'
const TEXT = { 'content-type': 'text/plain; charset=utf-8' } as const
const OTHER = /[^\x20-\x7e]/g

/** The path and the query may be secrets, so the name is without them. */
export function openWebPlace(parts: WebPlaceParts): AnchorPlace {
  const { method, url, ca, allowPrivateAddress, known, timeoutMs = TIMEOUT_MS } = parts
  const name = `${url.protocol}//${url.hostname}:${url.port}`
  const post = createPost({ dial: createDial(), now: Date.now, timeoutMs })
  return {
    name,
    known,
    async write(handover) {
      if (handover.checkpoints.length === 0) return
      for (const content of contentsOf(handover, parts)) {
        const posting: Posting = { url, ...content, method, ca, allowPrivateAddress }
        const posted = await post(posting, new AbortController().signal)
        if (!posted.ok)
          throw new Failure('refused', `${name} did not take it: ${posted.error.problem}`)
      }
    },
  }
}

type Content = Pick<Posting, 'headers' | 'body' | 'takenStatus'> & Partial<Pick<Posting, 'url'>>

function contentsOf(handover: Handover, parts: WebPlaceParts): readonly Content[] {
  const { method, url, known } = parts
  if (method === 'POST') return [messageOf(handover, parts)]
  const [path, query] = splitAtQuery(url.path)
  if (!path.endsWith('/')) return [objectOf(handover, known)]
  return handover.checkpoints.map((checkpoint) => ({
    ...ownObjectOf(checkpoint, url),
    url: { ...url, path: `${path}${objectNameOf(checkpoint)}${query}` },
  }))
}

/** The query keeps its question mark. */
function splitAtQuery(path: string): readonly [string, string] {
  const at = path.includes('?') ? path.indexOf('?') : path.length
  return [path.slice(0, at), path.slice(at)]
}

/** Never one that is there: its name says what is in it, so that is as good as taken. */
function ownObjectOf({ note }: SignedCheckpoint, { hostname }: WebhookUrl): Content {
  const kind = hostname.endsWith(AZURE) ? { 'x-ms-blob-type': 'BlockBlob' } : {}
  const headers = { ...TEXT, ...kind, 'if-none-match': '*' }
  return { headers, body: note, takenStatus: PRECONDITION_FAILED }
}

/** All writers, since it takes the place of what was there. */
function objectOf({ checkpoints }: Handover, known: AnchorPlace['known']): Content {
  const all = new Map([...known, ...checkpoints.map((each) => [each.origin, each] as const)])
  const body = [...all.values()].map(({ note }) => note).join('\n')
  return { headers: TEXT, body }
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
