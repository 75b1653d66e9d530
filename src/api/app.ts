/**
 * The control plane as one Hono app: guards first, then the operator, then the route.
 *
 * Everything needs an operator key unless its exact path is on the public list, unknown paths
 * included. Whatever is refused or fails leaves through problem.ts.
 */

import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { Failure } from '../base/errors.ts'
import { createChangeLog, type ChangeLog } from './changes.ts'
import { readJson, readQuery } from './input.ts'
import { authenticate, frame, guard, refuse, type Api, type ApiEnv } from './middleware.ts'
import { documentOf, registerRoute, registerSecurity } from './openapi.ts'
import type { ApiParts } from './parts.ts'
import { problemOfFailure } from './problem.ts'
import type { Caller, Route } from './route.ts'
import { operatorOnlyRoutes } from './routes/routes.ts'
import { publicRoutes } from './routes/public.ts'

const DEFAULT_MAX_BODY_BYTES = 256 * 1024

/** Builds the app. It listens nowhere: server.ts gives it a socket, tests call `app.request`. */
export function createApi(parts: ApiParts): Api {
  const app: Api = new OpenAPIHono<ApiEnv>({ strict: true })
  const changes = createChangeLog(parts.audit, parts.log)
  const open = publicRoutes(parts)

  app.use(frame(parts))
  app.use(guard(parts))
  app.use(authenticate(parts, new Set(open.map((route) => route.path))))
  app.notFound((c) => refuse(c, { code: 'not_found', detail: 'There is nothing here.' }))
  app.onError((error, c) => fail(parts, error, c))

  for (const { path, answer } of open)
    app.get(path, async (c) => {
      const { status, body, headers = {} } = await answer(c.env.source)
      return c.json(body, status, headers)
    })
  registerSecurity(app.openAPIRegistry)
  for (const route of operatorOnlyRoutes(parts, changes)) mount(app, route, { parts, changes })
  mountDocument(app, parts.instance.version)
  return app
}

interface Mounting {
  readonly parts: ApiParts
  readonly changes: ChangeLog
}

/** Connects a route to its path: role, input, run, answer. */
function mount(app: Api, route: Route, { parts, changes }: Mounting): void {
  registerRoute(app.openAPIRegistry, route)
  app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    const caller = callerOf(c, parts.now())
    if (!route.roles.includes(caller.operator.role))
      return await refuseRole(c, caller, { route, changes })
    const query = readQuery(c.req.url)
    if (!query.ok) return refuse(c, query.error)
    const body = route.body
      ? await readJson(c.req.raw, route.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES)
      : { ok: true as const, value: undefined }
    if (!body.ok) return refuse(c, body.error)
    const input = { params: c.req.param(), query: query.value, body: body.value }
    const result = await route.run(caller, input)
    if (!result.ok) return refuse(c, result.error)
    if (route.status === 204) return c.body(null, 204)
    return c.json(result.value as object, route.status, { ...route.answerHeaders(result.value) })
  })
}

function mountDocument(app: Api, version: string): void {
  let document: object | undefined
  app.get('/openapi.json', (c) => c.json((document ??= documentOf(app, version))))
}

function callerOf(c: Context<ApiEnv>, at: number): Caller {
  const { operator, requestId } = c.var
  return { operator, requestId, source: c.env.source, at, headers: c.req.raw.headers }
}

async function refuseRole(
  c: Context<ApiEnv>,
  caller: Caller,
  { route, changes }: { readonly route: Route; readonly changes: ChangeLog },
): Promise<Response> {
  const target = `${route.method.toUpperCase()} ${route.path}`
  await changes.note(caller, { action: 'role.exceeded', target }, 'refused')
  const detail = `${caller.operator.name} is ${caller.operator.role}; this takes ${route.roles.join(' or ')}.`
  return refuse(c, { code: 'role_insufficient', detail })
}

/** The log gets the kind of failure, never a message that somebody else wrote. */
function fail({ log }: ApiParts, error: Error, c: Context<ApiEnv>): Response {
  const isFailure = error instanceof Failure
  log.error('api_failure', {
    requestId: c.var.requestId,
    method: c.req.method,
    kind: isFailure ? error.code : error.name,
    ...(isFailure ? { message: error.message } : {}),
  })
  return refuse(c, problemOfFailure(error))
}
