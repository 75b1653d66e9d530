/** SQLite's schema, step by step. A step that was released never changes; a new one is added. */

import { INITIAL } from './0001-initial.ts'
import { ALERTS } from './0002-alerts.ts'
import { HOLDS } from './0003-holds.ts'

/** Step n brings the schema from version n - 1 to n; the version is SQLite's `user_version`. */
export const SQLITE_MIGRATIONS: readonly string[] = [INITIAL, ALERTS, HOLDS]
