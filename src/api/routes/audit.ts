/** Reading the audit. Whoever reads it leaves a record of what was asked, before the answer. */

import { z } from '@hono/zod-openapi'
import { defined } from '../../policy/defined.ts'
import type { ChangeLog } from '../changes.ts'
import { createCursors, readPage } from '../cursors.ts'
import type { ApiParts } from '../parts.ts'
import { defineRoute, ROLES, type Route } from '../route.ts'
import { agentName, DEFAULT_LIMIT, pageOf, pageQuery, queryInstant, serviceId } from '../schemas.ts'

const record = z
  .record(z.string(), z.unknown())
  .openapi('AuditRecord', { description: 'As docs/formats/audit.md describes it.' })

const query = z.strictObject({
  agent: agentName.optional(),
  service: serviceId.optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  since: queryInstant.optional(),
  until: queryInstant.optional(),
  ...pageQuery,
})

export function auditRoute({ auditReader, cursorKey }: ApiParts, changes: ChangeLog): Route {
  const cursors = createCursors(cursorKey)
  return defineRoute(
    {
      method: 'get',
      path: '/v1/audit',
      summary: 'Query the audit, oldest first',
      roles: ROLES.auditors,
      query,
      status: 200,
      answer: pageOf(record),
      problems: ['cursor_invalid'],
    },
    async (call) => {
      const { limit = DEFAULT_LIMIT, cursor, agent, service, decision, since, until } = call.query
      const filter = defined({ agent, service, decision, since, until })
      const list = JSON.stringify(['audit', filter])
      return await readPage(cursors, { list, cursor }, async (position) => {
        const details = { ...filter, limit, continued: cursor !== undefined }
        await changes.note(call, { action: 'audit.query', target: 'audit', details }, 'done')
        return await auditReader.query({ ...filter, limit, ...position })
      })
    },
  )
}
