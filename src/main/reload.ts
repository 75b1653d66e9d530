/** Reading the files again while the server runs, and what the audit is told of it. */

import type { Alerts } from './alerts.ts'
import type { DataSide } from './data-side.ts'
import type { LiveTls } from './live-tls.ts'
import type { SettingsRecord } from './settings-record.ts'
import type { LiveSettings } from './settings.ts'

/** Under the name of whoever asked for it. */
export type RecordReload = (details: Readonly<Record<string, unknown>>) => Promise<void>

/**
 * False when the files are wrong, and the former settings stay in force. Throws when the new ones are
 * in force and could not be recorded; the next reload or start records them then.
 */
export type Reload = (record: RecordReload) => Promise<boolean>

export interface ReloadParts {
  readonly settings: LiveSettings
  readonly settingsRecord: SettingsRecord
  readonly data: Pick<DataSide, 'reload'>
  readonly alerts: Pick<Alerts, 'reload'>
  readonly tls: LiveTls | undefined
}

/** One after the other, so that each records what it changed itself. */
export function createReload(parts: ReloadParts): Reload {
  let last: Promise<unknown> = Promise.resolve()
  return (record) => {
    const turn = last.then(() => reload(parts, record))
    last = turn.catch(() => undefined)
    return turn
  }
}

async function reload(parts: ReloadParts, record: RecordReload): Promise<boolean> {
  const { settings, settingsRecord, data, alerts, tls } = parts
  tls?.reload()
  if (!(await settings.reload())) return false
  await data.reload()
  alerts.reload()
  const { digest } = settings.current.catalog
  await settingsRecord.recordChange((change) => record({ catalog: digest, ...change }))
  return true
}
