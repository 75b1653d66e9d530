/** Whether the process runs, and whether it should get requests: for load balancers and people. */

import type { WireAnswer, WireRequest } from '../wire/message.ts'

export interface Readiness {
  readonly isReady: boolean
  /** Why not, in a word or two. */
  readonly problems: readonly string[]
}

/** Answers the two health paths, exactly spelled; undefined for every other request. */
export function answerHealth(
  { method, target }: Pick<WireRequest, 'method' | 'target'>,
  readiness: () => Readiness,
): WireAnswer | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  if (target === '/-/live') return answer(200, { status: 'live' })
  if (target !== '/-/ready') return undefined
  const { isReady, problems } = readiness()
  return isReady ? answer(200, { status: 'ready' }) : answer(503, { status: 'not_ready', problems })
}

function answer(status: number, body: object): WireAnswer {
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store']
  return { status, headers, body: JSON.stringify(body) }
}
