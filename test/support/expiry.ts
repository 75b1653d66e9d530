/** A token that has run out: issued for the shortest life, and waited for by the clock. */

import type { ProxyProcess } from './proxy-process.ts'

export async function issueExpired(proxy: ProxyProcess, scopes: string): Promise<string> {
  const request = { agent: 'short-lived', scopes, ttl: '1s' }
  const { token, expiresAt } = await proxy.client().tokens.issue(request)
  await new Promise((resolve) =>
    setTimeout(resolve, new Date(expiresAt).getTime() - Date.now() + 1),
  )
  return token
}
