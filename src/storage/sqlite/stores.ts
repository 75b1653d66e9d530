/** Every store of one SQLite database, built together: they share its connection and its keys. */

import type { KeyObject } from 'node:crypto'
import type { Log } from '../../base/log.ts'
import type { AlertOutbox, AlertStore, MuteStore } from '../../insight/alert-store.ts'
import type { AgentStore } from '../../policy/agent-store.ts'
import type { GrantStore } from '../../policy/grant-store.ts'
import type { IdempotencyStore } from '../../policy/idempotency.ts'
import type { OperatorStore } from '../../policy/operator-store.ts'
import type { RevocationLog } from '../../policy/revocation-log.ts'
import type { SealedStore } from '../../secret/sealed-store.ts'
import { createSqliteAgentStore } from './agents.ts'
import { createSqliteMuteStore } from './alert-mutes.ts'
import { createSqliteAlertOutbox } from './alert-outbox.ts'
import { createSqliteAlertStore } from './alerts.ts'
import type { Database } from './database.ts'
import { createSqliteGrantStore } from './grants.ts'
import { createSqliteIdempotencyStore } from './idempotency.ts'
import { createSqliteOperatorStore } from './operators.ts'
import { createSqliteRevocationLog } from './revocations.ts'
import { createSqliteSealedStore } from './sealed.ts'

export interface Stores {
  readonly agents: AgentStore
  readonly grants: GrantStore
  readonly operators: OperatorStore
  readonly revocations: RevocationLog
  readonly sealed: SealedStore
  readonly idempotency: IdempotencyStore
  readonly alerts: AlertStore
  readonly mutes: MuteStore
  readonly outbox: AlertOutbox
}

export interface StoreParts {
  /** The sub-key for row MACs; see token/keys.ts. */
  readonly macKey: KeyObject
  readonly log: Log
}

export function createSqliteStores(database: Database, parts: StoreParts): Stores {
  return {
    agents: createSqliteAgentStore(database),
    grants: createSqliteGrantStore(database, parts),
    operators: createSqliteOperatorStore(database, parts),
    revocations: createSqliteRevocationLog(database),
    sealed: createSqliteSealedStore(database),
    idempotency: createSqliteIdempotencyStore(database),
    alerts: createSqliteAlertStore(database),
    mutes: createSqliteMuteStore(database, parts),
    outbox: createSqliteAlertOutbox(database),
  }
}
