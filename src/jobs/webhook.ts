/** A target that is posted to, signed by the Standard Webhooks specification. */

import { Failure } from '../base/errors.ts'
import { err } from '../base/result.ts'
import type { AlertFilter, AlertTarget } from '../insight/alert-target.ts'
import { signWebhook } from '../injection/webhook-signature.ts'
import type { Secret } from '../secret/secret.ts'
import type { WebhookUrl } from '../secret/webhook-url.ts'
import { formatNotice } from './notice.ts'
import type { Post, Posting } from './post.ts'

export interface PostedTarget extends Pick<Posting, 'ca' | 'allowPrivateAddress'> {
  readonly name: string
  readonly wants: AlertFilter
  /** Asked at each attempt, so that a new one counts at once. */
  readonly readSecret: () => Promise<Secret | undefined>
  readonly post: Post
}

export function createWebhook(target: PostedTarget & { readonly url: WebhookUrl }): AlertTarget {
  const { name, wants, url, ca, allowPrivateAddress, readSecret, post } = target
  return {
    name,
    wants,
    async deliver(notice, signal) {
      const secret = await secretOf(readSecret)
      if (typeof secret === 'string') return err({ problem: secret })
      const body = formatNotice(notice)
      const timestamp = Math.floor(notice.at / 1000)
      const signed = signWebhook(secret, { id: notice.id, timestamp, body })
      if (!signed.ok) return err({ problem: `its secret cannot be used: ${signed.error.problem}` })
      const headers = {
        'webhook-id': notice.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signed.value,
      }
      return await post({ url, headers, body, ca, allowPrivateAddress }, signal)
    },
  }
}

/** The secret, or why there is none. */
export async function secretOf(
  readSecret: () => Promise<Secret | undefined>,
): Promise<Secret | string> {
  try {
    return (await readSecret()) ?? 'its secret is not there'
  } catch (error) {
    return error instanceof Failure ? error.message : 'its secret cannot be read'
  }
}
