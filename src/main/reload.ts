/** Reading the files again while the server runs, and what the audit is told of it. */

import { ok, type Result } from '../base/result.ts'
import type { Alerts } from './alerts.ts'
import type { DataSide } from './data-side.ts'
import type { LiveTls } from './live-tls.ts'
import { countChanges } from './settings-change.ts'
import type { SettingsRecord } from './settings-record.ts'
import type { LiveSettings, Settings } from './settings.ts'

/** Under the name of whoever asked for it. */
export type RecordReload = (details: Readonly<Record<string, unknown>>) => Promise<void>

export interface ReloadRequest {
  readonly record: RecordReload
  /**
   * Then nothing changes where it cannot be recorded. Else it is in force all the same, and the next
   * reload or start records it.
   */
  readonly isRecordedFirst: boolean
}

/** How many settings changed, and the catalogue that is in force now. */
interface Reloaded {
  readonly changed: number
  readonly catalogDigest: string
}

/**
 * An error says what is wrong with the files: the former settings stay in force. Throws what `record`
 * throws.
 */
export type Reload = (request: ReloadRequest) => Promise<Result<Reloaded, string>>

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
  return (request) => {
    const turn = last.then(() => reload(parts, request))
    last = turn.catch(() => undefined)
    return turn
  }
}

async function reload(
  parts: ReloadParts,
  { record, isRecordedFirst }: ReloadRequest,
): Promise<Result<Reloaded, string>> {
  parts.tls?.reload()
  const read = await parts.settings.read()
  if (!read.ok) return read
  const next = read.value
  const catalogDigest = next.catalog.digest
  if (!isRecordedFirst) await putInForce(parts, next)
  const change = await parts.settingsRecord.recordChange(next, (found) =>
    record({ catalog: catalogDigest, ...found }),
  )
  if (isRecordedFirst) await putInForce(parts, next)
  return ok({ changed: countChanges(change), catalogDigest })
}

async function putInForce({ settings, data, alerts }: ReloadParts, next: Settings): Promise<void> {
  settings.use(next)
  await data.reload()
  alerts.reload()
}
