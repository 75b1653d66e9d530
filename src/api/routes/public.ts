/** The few paths that answer without a key: health for supervisors, keys for token verifiers. */

import type { ApiParts } from '../parts.ts'

export interface PublicRoute {
  readonly path: string
  readonly answer: (source: string) => Promise<{
    readonly status: 200 | 503
    readonly body: object
    readonly headers?: Readonly<Record<string, string>>
  }>
}

const NAME = 'apistronghold'

/** Every one is a GET; app.ts lets nothing else pass without a key. */
export function publicRoutes(parts: ApiParts): readonly PublicRoute[] {
  return [liveRoute(parts), readyRoute(parts), keysRoute(parts)]
}

/**
 * Callers on this machine, who can see processes anyway, also learn which one answers: that is
 * how `status` and `stop` make sure that a process id in a file is really ours.
 */
function liveRoute({ instance }: ApiParts): PublicRoute {
  const alive = { name: NAME, status: 'live' }
  return {
    path: '/-/live',
    answer: async (source) => ({
      status: 200,
      body: isLoopback(source) ? { ...alive, ...instance } : alive,
    }),
  }
}

function readyRoute({ readiness }: ApiParts): PublicRoute {
  return {
    path: '/-/ready',
    answer: async () => {
      const checks = await readiness()
      const ready = Object.values(checks).every((works) => works)
      return { status: ready ? 200 : 503, body: { ready, checks } }
    },
  }
}

function keysRoute({ publicKeys }: ApiParts): PublicRoute {
  return {
    path: '/.well-known/jwks.json',
    answer: async () => ({
      status: 200,
      body: publicKeys(),
      headers: { 'cache-control': 'public, max-age=300' },
    }),
  }
}

function isLoopback(source: string): boolean {
  return source === '::1' || /^127(?:\.\d{1,3}){3}$/.test(source)
}
