/** Tokens that have run out: issued for the shortest life, and waited for by the clock. */

import type { ProxyProcess } from './proxy-process.ts'

/** One token for each of `scopes`, all of them expired. */
export async function issueExpired(
  proxy: ProxyProcess,
  scopes: readonly string[],
): Promise<string[]> {
  const issued = await Promise.all(
    scopes.map((each) =>
      proxy.client().tokens.issue({ agent: 'short-lived', scopes: each, ttl: '1s' }),
    ),
  )
  const lastAt = Math.max(...issued.map(({ expiresAt }) => expiresAt))
  await new Promise((resolve) => setTimeout(resolve, lastAt - Date.now() + 1))
  return issued.map(({ token }) => token)
}
