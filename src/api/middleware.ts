/** What every request goes through before its route: a number, the browser guard, the operator. */

import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import { newRequestId } from '../base/ids.ts'
import type { Operator } from '../policy/operator-store.ts'
import { tokenModeOf } from '../token/token.ts'
import { createAuthenticator } from './auth.ts'
import { createBrowserGuard } from './browser-guard.ts'
import type { ApiParts } from './parts.ts'
import { problemResponse, type ApiProblem } from './problem.ts'

/** `source` is the socket's remote address, which only server.ts knows. */
export interface ApiEnv {
  readonly Bindings: { readonly source: string }
  readonly Variables: { requestId: string; operator: Operator }
}

export type Api = OpenAPIHono<ApiEnv>

export function refuse(c: Context<ApiEnv>, problem: ApiProblem): Response {
  return problemResponse(problem, c.var.requestId)
}

const CHECKPOINT = 'apistronghold-checkpoint'

/**
 * Numbers the request, says what no answer of ours is for (caches, frames, sniffing), and makes a
 * witness of each operator: whoever keeps the checkpoint can tell later whether the audit was cut.
 */
export function frame({ log, now, checkpoints }: ApiParts): MiddlewareHandler<ApiEnv> {
  const encoded = createEncoder()
  return async (c, next) => {
    const startedAt = now()
    c.set('requestId', newRequestId())
    await next()
    const { headers, status } = c.res
    headers.set('apistronghold-request-id', c.var.requestId)
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
    headers.set('x-content-type-options', 'nosniff')
    headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    headers.set('cross-origin-resource-policy', 'same-origin')
    // Public paths and refused keys have no operator, whatever the type says.
    const checkpoint = 'operator' in c.var ? checkpoints.newest() : undefined
    if (checkpoint !== undefined) headers.set(CHECKPOINT, encoded(checkpoint))
    log.debug('api_request', {
      requestId: c.var.requestId,
      method: c.req.method,
      status,
      durationMs: now() - startedAt,
    })
  }
}

/** One checkpoint goes with many answers. */
function createEncoder(): (note: string) => string {
  let last = { note: '', base64: '' }
  return (note) => {
    if (note !== last.note) last = { note, base64: Buffer.from(note).toString('base64') }
    return last.base64
  }
}

export function guard({ hosts }: ApiParts): MiddlewareHandler<ApiEnv> {
  const check = createBrowserGuard(hosts)
  return async (c, next) => {
    const checked = check(c.req.raw.headers)
    if (!checked.ok) return refuse(c, checked.error)
    await next()
    return undefined
  }
}

/** Lets only the exact paths in `open` pass without a key. */
export function authenticate(
  { stores, audit, digestOf, instance, now }: ApiParts,
  open: ReadonlySet<string>,
): MiddlewareHandler<ApiEnv> {
  const mode = tokenModeOf(instance.environment)
  const check = createAuthenticator({ operators: stores.operators, audit, digestOf, mode, now })
  return async (c, next) => {
    if (!open.has(c.req.path)) {
      const { headers } = c.req.raw
      const { requestId } = c.var
      const operator = await check({ headers, source: c.env.source, requestId })
      if (!operator.ok) return refuse(c, operator.error)
      c.set('operator', operator.value)
    }
    await next()
    return undefined
  }
}
