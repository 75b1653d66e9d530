/** Every route that needs a key, in the order of the documentation. */

import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import type { Route } from '../route.ts'
import { agentRoutes } from './agents.ts'
import { muteRoutes } from './alert-mutes.ts'
import { alertRoutes } from './alerts.ts'
import { auditRoutes } from './audit.ts'
import { operatorRoutes } from './operators.ts'
import { reloadRoute } from './reload.ts'
import { replicaRoute } from './replicas.ts'
import { reportRoutes } from './reports.ts'
import { revokeRoute } from './revoke.ts'
import { secretRoutes } from './secrets.ts'
import { serviceRoutes } from './services.ts'
import { tokenRoutes } from './tokens.ts'

export function operatorOnlyRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [
    ...tokenRoutes(parts, changes),
    revokeRoute(parts, changes),
    ...agentRoutes(parts, changes),
    ...operatorRoutes(parts, changes),
    ...secretRoutes(parts, changes),
    ...serviceRoutes(parts),
    ...auditRoutes(parts, changes),
    ...reportRoutes(parts, changes),
    ...alertRoutes(parts, changes),
    ...muteRoutes(parts, changes),
    reloadRoute(parts, changes),
    replicaRoute(parts),
  ]
}
