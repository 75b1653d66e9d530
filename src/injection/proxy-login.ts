/** `user:password` for the proxy on the way out, as it enters Proxy-Authorization (RFC 7617). */

import { err, ok, type Result } from '../base/result.ts'
import type { Secret } from '../secret/secret.ts'

/** A user's name without a colon, then anything that can be typed; echo's line break is dropped. */
const LOGIN = /^(?<login>[^:\p{Cc}]{1,255}:[^\p{Cc}]{1,1024})(?:\r?\n)?$/u

/** The problem never quotes the value. */
export function formatProxyLogin(secret: Secret): Result<string, { readonly problem: string }> {
  const login = LOGIN.exec(secret.reveal())?.groups?.login
  if (login === undefined) return err({ problem: 'it is not user:password on one line' })
  return ok(`Basic ${Buffer.from(login, 'utf8').toString('base64')}`)
}
