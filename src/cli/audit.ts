/** `audit`: what was let through, what was refused, who changed what. */

import type { Command } from 'commander'
import { registerAuditAnchor } from './audit-anchor.ts'
import { registerAuditCheckpoint } from './audit-checkpoint.ts'
import { registerAuditExport } from './audit-export.ts'
import { registerAuditProve } from './audit-prove.ts'
import { registerAuditQuery } from './audit-query.ts'
import { registerAuditReindex } from './audit-reindex.ts'
import { registerAuditTail } from './audit-tail.ts'
import { registerAuditVerify } from './audit-verify.ts'
import type { Runner } from './command.ts'

export function registerAudit(program: Command, runs: Runner): void {
  const audit = program
    .command('audit')
    .description(
      'the audit: query, tail, export, reindex, checkpoint, anchor, verify, prove; reading is recorded as well',
    )
  registerAuditQuery(audit, runs)
  registerAuditTail(audit, runs)
  registerAuditExport(audit, runs)
  registerAuditReindex(audit, runs)
  registerAuditCheckpoint(audit, runs)
  registerAuditAnchor(audit, runs)
  registerAuditVerify(audit, runs)
  registerAuditProve(audit, runs)
}
