/** Services, read only: what they are is decided by files on the data plane's machine. */

import { z } from '@hono/zod-openapi'
import { err, ok } from '../../base/result.ts'
import type { Scope, Service } from '../../catalog/service.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import { pageOf, serviceId } from '../schemas.ts'

const view = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    category: z.string(),
    docs: z.string().optional(),
    support: z.strictObject({
      ready: z.boolean(),
      note: z.string().optional(),
      why: z.string().optional(),
    }),
    credentials: z.array(z.strictObject({ name: z.string(), configured: z.boolean() })),
    scopes: z
      .record(
        z.string(),
        z.strictObject({
          id: z.string(),
          risk: z.string(),
          title: z.string(),
          effects: z.array(z.string()).readonly(),
        }),
      )
      .openapi({ description: 'By short name.' }),
  })
  .openapi('Service')

const detail = view
  .extend({
    digest: z.string(),
    definition: z.record(z.string(), z.unknown()).openapi({ description: 'As in its file.' }),
  })
  .openapi('ServiceDetail')

export function serviceRoutes(parts: ApiParts): readonly Route[] {
  return [listRoute(parts), findRoute(parts)]
}

function listRoute(parts: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/services',
      summary: 'List services with their scopes and whether they are ready to use',
      roles: ROLES.all,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async () => {
      const services = [...parts.catalog().services.values()]
      return ok({ items: await Promise.all(services.map((service) => viewOf(parts, service))) })
    },
  )
}

function findRoute(parts: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/services/{id}',
      summary: 'Show a service and its definition',
      roles: ROLES.all,
      params: z.strictObject({ id: serviceId }),
      status: 200,
      answer: detail,
      problems: ['not_found'],
    },
    async ({ params }) => {
      const service = parts.catalog().services.get(params.id)
      if (!service) return err({ code: 'not_found', detail: 'There is no service with this id.' })
      const { digest, definition } = service
      return ok({ ...(await viewOf(parts, service)), digest, definition })
    },
  )
}

async function viewOf(
  { isCredentialConfigured }: ApiParts,
  service: Service,
): Promise<z.input<typeof view>> {
  const { id, name, category, docs, support } = service
  const credentials = credentialNames(service).map(async (secret) => ({
    name: secret,
    configured: await isCredentialConfigured(secret),
  }))
  return {
    id,
    name,
    category,
    docs,
    support: { ...support },
    credentials: await Promise.all(credentials),
    scopes: Object.fromEntries([...service.scopes].map(([short, scope]) => [short, asView(scope)])),
  }
}

function credentialNames({ credentialForms, credential, credentialSplits }: Service): string[] {
  if (credentialForms.length === 0) return []
  return [...new Set([credential, ...credentialSplits.values()])]
}

function asView({ id, risk, title, effects }: Scope) {
  return { id, risk, title, effects }
}
