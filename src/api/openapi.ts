/** The OpenAPI document, made of the same routes and schemas that judge requests. */

import { z, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { PROBLEM_STATUSES, type ProblemCode } from './problem.ts'
import type { Route } from './route.ts'

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    nearest: z.array(z.string()).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457; `code` is stable.' })

/** What any request with a key may be answered. */
const COMMON: readonly ProblemCode[] = [
  'invalid_request',
  'invalid_token',
  'role_insufficient',
  'rate_limited',
  'internal_failure',
  'audit_unavailable',
  'database_unavailable',
]
const WITH_BODY: readonly ProblemCode[] = [
  'length_required',
  'body_too_large',
  'content_type_unsupported',
]

type Registry = OpenAPIHono['openAPIRegistry']

export function registerSecurity(registry: Registry): void {
  registry.registerComponent('securitySchemes', 'operatorKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An operator key, `ok_...`.',
  })
}

export function registerRoute(registry: Registry, route: Route): void {
  const { method, path, summary, roles } = route
  registry.registerPath({
    method,
    path,
    summary,
    description: `Roles: ${roles.join(', ')}.`,
    security: [{ operatorKey: [] }],
    request: requestOf(route),
    responses: { ...goodResponse(route), ...problemResponses(route) },
  })
}

function requestOf({
  params,
  query,
  body,
  headers = {},
}: Route): NonNullable<RouteConfig['request']> {
  const described = Object.entries(headers).map(
    ([name, description]) => [name, z.string().optional().openapi({ description })] as const,
  )
  return {
    ...(params instanceof z.ZodObject ? { params } : {}),
    ...(query instanceof z.ZodObject ? { query } : {}),
    ...(described.length > 0 ? { headers: z.object(Object.fromEntries(described)) } : {}),
    ...(body
      ? { body: { required: true, content: { 'application/json': { schema: body } } } }
      : {}),
  }
}

function goodResponse({ status, summary, answer }: Route): RouteConfig['responses'] {
  const content = answer ? { content: { 'application/json': { schema: answer } } } : {}
  return { [status]: { description: summary, ...content } }
}

/** Several codes may share a status; the description names them all. */
function problemResponses({ body, problems = [] }: Route): RouteConfig['responses'] {
  const codes = [...COMMON, ...(body ? WITH_BODY : []), ...problems]
  const byStatus = Map.groupBy(codes, (code) => PROBLEM_STATUSES[code])
  return Object.fromEntries(
    [...byStatus].map(([status, shared]) => [
      status,
      {
        description: shared.map((code) => `\`${code}\``).join(', '),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  )
}

export function documentOf(
  app: Pick<OpenAPIHono, 'getOpenAPI31Document'>,
  version: string,
): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'apistronghold control plane',
      version,
      description: 'Instants end in `At` and are epoch milliseconds. Errors are problem JSON.',
    },
  })
}
