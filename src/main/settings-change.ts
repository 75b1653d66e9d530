/** What a reading of the files changed that the audit is to know. */

import type { SettingFacts } from './settings-facts.ts'

/** Absent where there was or is no such setting. */
interface SettingChange {
  readonly before?: string
  readonly after?: string
}

export interface SettingsChange {
  /** By the name of the setting. */
  readonly settings: Readonly<Record<string, SettingChange>>
  /** How many more there are, where there are too many for one record. */
  readonly more?: number
}

/** As much as a record's details have room for. */
const MOST_CHANGES = 40
const MOST_CHARACTERS = 120

export function changedSettings(before: SettingFacts, after: SettingFacts): SettingsChange {
  const names = [...new Set([...after.keys(), ...before.keys()])]
  const changed = names.filter((name) => before.get(name) !== after.get(name))
  const shown = changed.slice(0, MOST_CHANGES)
  const more = changed.length - shown.length
  const settings = Object.fromEntries(
    shown.map((name) => [name, changeOf(before.get(name), after.get(name))]),
  )
  return { settings, ...(more > 0 && { more }) }
}

export function isEmpty({ settings }: SettingsChange): boolean {
  return Object.keys(settings).length === 0
}

export function countChanges({ settings, more = 0 }: SettingsChange): number {
  return Object.keys(settings).length + more
}

/** Where both are long, from where they begin to differ. */
function changeOf(before: string | undefined, after: string | undefined): SettingChange {
  const from = before !== undefined && after !== undefined ? firstDifference(before, after) : 0
  return {
    ...(before !== undefined && { before: shortened(before, from) }),
    ...(after !== undefined && { after: shortened(after, from) }),
  }
}

function firstDifference(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  return at
}

function shortened(text: string, from: number): string {
  if (text.length <= MOST_CHARACTERS) return text
  const start = from < MOST_CHARACTERS / 2 ? 0 : from
  const part = text.slice(start, start + MOST_CHARACTERS)
  return `${start > 0 ? '...' : ''}${part}${start + MOST_CHARACTERS < text.length ? '...' : ''}`
}
