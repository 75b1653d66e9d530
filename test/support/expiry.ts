/** A token that has run out: issued for the shortest life, and waited for by the clock. */

import type { ProxyProcess } from './proxy-process.ts'

export async function issueExpired(proxy: ProxyProcess, scopes: string): Promise<string> {
  const printed = await proxy.issue(scopes, { ttl: '1s', more: ['--json'] })
  const { token, expiresAt } = JSON.parse(printed) as { token: string; expiresAt: string | number }
  await new Promise((resolve) =>
    setTimeout(resolve, new Date(expiresAt).getTime() - Date.now() + 1),
  )
  return token
}
