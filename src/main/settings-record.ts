/**
 * What of the settings is on the record: kept in the state directory, so that what was changed while
 * the server was stopped, or while nothing could be recorded, comes on the record later.
 */

import { z } from 'zod'
import type { Log } from '../base/log.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import { changedSettings, isEmpty, type SettingsChange } from './settings-change.ts'
import { settingFacts, type SettingFacts } from './settings-facts.ts'
import type { LiveSettings, Settings } from './settings.ts'

export interface SettingsRecord {
  /**
   * Hands over what of these settings is not on the record, then notes that it is, and resolves with it.
   * Nothing is noted when `record` throws, which this then throws on.
   */
  recordChange(
    next: Settings,
    record: (change: SettingsChange) => Promise<void>,
  ): Promise<SettingsChange>
  /** As above for those in force, where nothing is known of before there is nothing to record, as where nothing changed. */
  recordSinceLastRun(record: (change: SettingsChange) => Promise<void>): Promise<void>
}

export interface SettingsRecordParts {
  /** The file; of the state directory. */
  readonly path: string
  readonly settings: LiveSettings
  readonly log: Log
}

const noted = z.strictObject({
  version: z.literal(1),
  settings: z.array(z.tuple([z.string(), z.string()])),
})

export function openSettingsRecord({ path, settings, log }: SettingsRecordParts): SettingsRecord {
  let recorded = readFacts(path)
  const note = (facts: SettingFacts): void => {
    const isNew = !recorded || !isEmpty(changedSettings(recorded, facts))
    recorded = facts
    if (!isNew) return
    try {
      replaceFile(path, `${JSON.stringify({ version: 1, settings: [...facts] })}\n`)
    } catch {
      // Then the next start finds the older ones and records once more what changed since.
      log.error('settings_not_noted')
    }
  }
  return {
    async recordChange(next, record) {
      const facts = settingFacts(next)
      const change = changedSettings(recorded ?? settingFacts(settings.current), facts)
      await record(change)
      note(facts)
      return change
    },
    async recordSinceLastRun(record) {
      const facts = settingFacts(settings.current)
      const change = changedSettings(recorded ?? facts, facts)
      if (!isEmpty(change)) await record(change)
      note(facts)
    },
  }
}

/** Undefined where there is no note, or none that can be read. */
function readFacts(path: string): SettingFacts | undefined {
  try {
    return new Map(noted.parse(JSON.parse(readPrivateFile(path) ?? '')).settings)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
    throw error
  }
}
