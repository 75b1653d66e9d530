/**
 * Signatures over webhooks as the Standard Webhooks specification writes them: HMAC-SHA-256 over
 * id, timestamp and body. While a secret is being replaced, both stand in its source and both sign.
 */

import { createHmac } from 'node:crypto'
import { err, ok, type Result } from '../base/result.ts'
import type { Secret } from '../secret/secret.ts'

export interface SignedContent {
  /** The same at each attempt. */
  readonly id: string
  /** Seconds since the epoch, of this attempt. */
  readonly timestamp: number
  readonly body: string
}

const SECRET = /^whsec_(?<key>[A-Za-z0-9+/]+={0,2})$/
const MAX_SECRETS = 4

/** The value of `webhook-signature`. The problem never quotes the secret. */
export function signWebhook(
  secret: Secret,
  { id, timestamp, body }: SignedContent,
): Result<string, { readonly problem: string }> {
  const keys = secret.reveal().trim().split(/\s+/).map(readKey)
  const isUsable = keys.length <= MAX_SECRETS && keys.every((key) => key !== undefined)
  if (!isUsable) return err({ problem: 'it is not whsec_ and 24 to 64 bytes in base64' })
  const content = `${id}.${timestamp}.${body}`
  const signatures = keys.map((key) => createHmac('sha256', key).update(content).digest('base64'))
  return ok(signatures.map((signature) => `v1,${signature}`).join(' '))
}

function readKey(text: string): Buffer | undefined {
  const encoded = SECRET.exec(text)?.groups?.key
  const key = Buffer.from(encoded ?? '', 'base64')
  return key.length >= 24 && key.length <= 64 ? key : undefined
}
