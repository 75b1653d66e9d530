/** What follows from a finding: an alert, perhaps an action, and who is told. */

import {
  actionFor,
  draftOf,
  FORGOTTEN_AFTER_MS,
  isMutedBy,
  LATE_AFTER_MS,
  type AlertPolicy,
  type KeyedFinding,
  type Mute,
} from './alert.ts'
import type { Raise } from './alert-store.ts'
import { isWanted, type AlertTarget } from './alert-target.ts'

export interface Circumstances {
  readonly policy: AlertPolicy
  readonly mutes: readonly Mute[]
  readonly targets: readonly Pick<AlertTarget, 'name' | 'wants'>[]
  readonly now: number
}

/** Undefined for what is too long ago. A repeat of old history must not act in the present. */
export function planRaise(finding: KeyedFinding, circumstances: Circumstances): Raise | undefined {
  const { policy, mutes, targets, now } = circumstances
  const age = now - finding.at
  if (age > FORGOTTEN_AFTER_MS) return undefined
  const draft = draftOf(finding)
  const mute = mutes.find((candidate) => isMutedBy(draft, candidate, now))
  const isQuiet = mute !== undefined || age > LATE_AFTER_MS
  const action = isQuiet ? undefined : actionFor(policy, finding)
  const told = isQuiet ? [] : targets.filter(({ wants }) => isWanted(wants, draft))
  return {
    key: finding.key,
    draft,
    windowMs: policy.windowMs,
    ...(mute && { muteId: mute.id }),
    ...(action && { action }),
    targets: told.map(({ name, wants: { minScore } }) => ({ name, minScore })),
    now,
  }
}
