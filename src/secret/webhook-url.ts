/** URLs that messages are posted to. Chat services put a secret into theirs, so one may be a secret. */

import { err, ok, type Result } from '../base/result.ts'
import type { Secret } from './secret.ts'

export interface WebhookUrl {
  readonly protocol: 'http:' | 'https:'
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string
  readonly port: number
  /** Path and query. */
  readonly path: string
}

const MAX_LENGTH = 2048
/** Printable ASCII without what URL parsers drop or mend. */
const PLAIN = /^https?:\/\/[a-z0-9[][^\s\\#@"<>^`{|}\x00-\x1f\x7f-\uffff]*$/

/** Reads a URL in the one spelling that its parser writes; undefined for anything else. */
export function parseWebhookUrl(text: string): WebhookUrl | undefined {
  const url = text.length <= MAX_LENGTH && PLAIN.test(text) ? URL.parse(text) : undefined
  if (!url || text.endsWith('?') || ![text, `${text}/`].includes(url.href)) return undefined
  const { protocol, hostname, port, pathname, search } = url
  if (protocol !== 'http:' && protocol !== 'https:') return undefined
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    path: `${pathname}${search}`,
  }
}

/** A URL that is kept as a secret; echo's line break is dropped. The problem never quotes it. */
export function readWebhookUrl(secret: Secret): Result<WebhookUrl, { readonly problem: string }> {
  const url = parseWebhookUrl(secret.reveal().replace(/\r?\n$/, ''))
  return url ? ok(url) : err({ problem: 'it is no URL that begins with https://' })
}
