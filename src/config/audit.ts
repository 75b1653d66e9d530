/** The audit, as settings: how much of it is kept, and what waits for it. */

import type { z } from 'zod'
import { flag, section, size } from './forms.ts'
import { setting } from './setting.ts'
import { presetBytes } from './units.ts'

/** As a file would spell it. */
const QUOTA = '10GiB'

export const auditSection = section({
  quota: setting(size(), {
    form: 'size',
    meaning: 'disk space of the journal; when it is used up, nothing is forwarded',
    preset: QUOTA,
  }),
  dangerously_before_response: setting(flag(), {
    form: 'true or false',
    meaning:
      'forwards a request while its record is still being written, and keeps back the answer until it is on disk: a crash may leave requests without a record. From the next start on',
    preset: 'false',
  }),
})

export interface AuditSettings {
  readonly quotaBytes: number
  /** Requests may leave while their intent is still being written; answers may not. */
  readonly dangerouslyBeforeResponse: boolean
}

export function auditSettings(audit: z.output<typeof auditSection> | undefined): AuditSettings {
  return {
    quotaBytes: audit?.quota ?? presetBytes(QUOTA),
    dangerouslyBeforeResponse: audit?.dangerously_before_response ?? false,
  }
}
