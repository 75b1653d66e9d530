/** A setting: the form that its value has, and its line in the reference. */

import { z } from 'zod'

/** What the reference says about a setting. */
export interface SettingNote {
  readonly form: string
  readonly meaning: string
  /** The default, as it would be written. */
  readonly preset?: string
}

export const settingNotes = z.registry<SettingNote>()

/** An optional setting with its line in the reference. */
export function setting<T extends z.ZodType>(form: T, note: SettingNote) {
  return required(form, note).optional()
}

/** A setting that its section cannot do without. */
export function required<T extends z.ZodType>(form: T, note: SettingNote): T {
  settingNotes.add(form, note)
  return form
}
