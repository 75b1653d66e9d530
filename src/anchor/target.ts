/** Where checkpoints are anchored, as it is written: a file, `git:DIR`, `https://...`, `put+https://...`, `s3://...`. */

import { err, ok, type Result } from '../base/result.ts'
import { parseWebhookUrl, type WebhookUrl } from '../secret/webhook-url.ts'
import { parseS3Target, type S3Target } from './s3-target.ts'

export type AnchorTarget =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'git'; readonly directory: string }
  | { readonly kind: 'web'; readonly method: 'POST' | 'PUT'; readonly url: WebhookUrl }
  | S3Target

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/

const FORM = /^(?:(?<scheme>[a-z][a-z0-9+.-]*):)?(?<rest>[^\0\n]+)$/

const READERS: Readonly<Record<string, (rest: string) => Result<AnchorTarget, string>>> = {
  file: (path) => ok({ kind: 'file', path }),
  git: (directory) => ok({ kind: 'git', directory }),
  http: (rest) => webTarget('POST', `http:${rest}`),
  https: (rest) => webTarget('POST', `https:${rest}`),
  'put+http': (rest) => webTarget('PUT', `http:${rest}`),
  'put+https': (rest) => webTarget('PUT', `https:${rest}`),
  s3: s3Target,
}

/** The problem never quotes the target, which may be a URL with a secret in it. */
export function parseTarget(text: string): Result<AnchorTarget, string> {
  const { scheme = 'file', rest } = FORM.exec(text)?.groups ?? {}
  if (rest === undefined) return err('names no place')
  const read = Object.hasOwn(READERS, scheme) ? READERS[scheme] : undefined
  return read?.(rest) ?? err('begins with what is neither file:, git:, https:, put+https: nor s3:')
}

function webTarget(method: 'POST' | 'PUT', text: string): Result<AnchorTarget, string> {
  const url = parseWebhookUrl(text)
  if (!url) return err('is no URL in its usual spelling')
  return isPrivate(url) ? ok({ kind: 'web', method, url }) : err(UNENCRYPTED)
}

function s3Target(rest: string): Result<AnchorTarget, string> {
  const target = parseS3Target(rest)
  return target.ok && !isPrivate(target.value.url) ? err(UNENCRYPTED) : target
}

const UNENCRYPTED = 'must begin with https:// unless it is on this machine'

function isPrivate({ protocol, hostname }: WebhookUrl): boolean {
  return protocol === 'https:' || LOOPBACK.test(hostname)
}
