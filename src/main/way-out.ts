/** The proxy on the way out as the dialler wants it: its login is read from where it is kept. */

import { Failure } from '../base/errors.ts'
import type { UpstreamProxySettings } from '../config/upstream-proxy.ts'
import { formatProxyLogin } from '../injection/proxy-login.ts'
import type { UpstreamProxy } from '../network/upstream-proxy.ts'
import type { Secret } from '../secret/secret.ts'
import type { SourceReference } from '../secret/reference.ts'

export function wayOut(
  settings: UpstreamProxySettings | undefined,
  credentials: { readMounted(reference: SourceReference): Promise<Secret | undefined> },
): UpstreamProxy | undefined {
  if (!settings) return undefined
  const { address, credential, exempt } = settings
  return {
    ...address,
    exempt,
    authorization: credential && (async () => readLogin(await credentials.readMounted(credential))),
  }
}

function readLogin(secret: Secret | undefined): string {
  if (!secret) throw new Failure('secret_missing', 'upstream_proxy.credential holds nothing')
  const login = formatProxyLogin(secret)
  if (login.ok) return login.value
  throw new Failure('secret_invalid', `upstream_proxy.credential: ${login.error.problem}`)
}
