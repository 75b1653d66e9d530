/** The audit, as settings: how much of it is kept, and what waits for it. */

import { z } from 'zod'
import { flag, section, size } from './forms.ts'
import { setting } from './setting.ts'
import { formatDuration, parseDuration, presetBytes, presetSeconds } from './units.ts'

/** As a file would spell it. */
const QUOTA = '10GiB'
const RETENTION = '400d'
const LEAST_SECONDS = 86_400
const WRONG = 'must be a duration of at least a day, as 400d, or forever'

export const auditSection = section({
  quota: setting(size(), {
    form: 'size',
    meaning: 'disk space of the journal; when it is used up, nothing is forwarded',
    preset: QUOTA,
  }),
  retention: setting(retention(), {
    form: 'duration or forever',
    meaning: 'how long records are kept, a day at least; their hashes are kept for ever',
    preset: RETENTION,
  }),
  dangerously_before_response: setting(flag(), {
    form: 'true or false',
    meaning:
      'forwards a request while its record is still being written, and keeps back the answer until it is on disk: a crash may leave requests without a record. From the next start on',
    preset: 'false',
  }),
})

function retention() {
  return z.union([
    z.literal('forever'),
    z.string({ error: WRONG }).transform((text, check) => {
      const seconds = parseDuration(text)
      if (seconds !== undefined && seconds >= LEAST_SECONDS) return seconds
      check.addIssue({ code: 'custom', message: WRONG })
      return z.NEVER
    }),
  ])
}

export interface AuditSettings {
  readonly quotaBytes: number
  /** Undefined: for ever. */
  readonly retentionSeconds: number | undefined
  /** Requests may leave while their intent is still being written; answers may not. */
  readonly dangerouslyBeforeResponse: boolean
}

export function auditSettings(audit: z.output<typeof auditSection> | undefined): AuditSettings {
  return {
    quotaBytes: audit?.quota ?? presetBytes(QUOTA),
    retentionSeconds: keptSeconds(audit?.retention),
    dangerouslyBeforeResponse: audit?.dangerously_before_response ?? false,
  }
}

/** As a file would spell it. */
export function formatRetention({ retentionSeconds }: AuditSettings): string {
  return retentionSeconds === undefined ? 'forever' : formatDuration(retentionSeconds)
}

const keptSeconds = (asked: number | 'forever' = presetSeconds(RETENTION)): number | undefined =>
  asked === 'forever' ? undefined : asked
