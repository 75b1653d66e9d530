/** `audit verify` over files that a test changed: they are put into a directory of its own first. */

import { join } from 'node:path'
import { expect } from 'vitest'
import type { Finding } from '../../src/audit-files/finding.ts'
import { verifyAudit, type AuditVerdict, type VerifyOrder } from '../../src/audit-files/verify.ts'
import { putFiles, type Files } from './signed-audit.ts'
import { createTemporaryDirectory } from './temporary.ts'

type Asked = Partial<Omit<VerifyOrder, 'directory'>>

export interface Verifier {
  readonly directory: string
  readonly verified: (files: Files, asked?: Asked) => Promise<AuditVerdict>
  /** All findings, about writers and about none; they and the verdict have to agree. */
  readonly found: (files: Files, asked?: Asked) => Promise<readonly Finding[]>
  readonly remove: () => void
}

export function createVerifier(): Verifier {
  const place = createTemporaryDirectory()
  const directory = join(place.path, 'audit')

  async function verified(files: Files, asked: Asked = {}): Promise<AuditVerdict> {
    putFiles(directory, files)
    return verifyAudit({ directory, kept: [], ...asked })
  }

  return {
    directory,
    verified,
    async found(files, asked) {
      const verdict = await verified(files, asked)
      expect(verdict.isIntact).toBe(findingsOf(verdict).length === 0)
      return findingsOf(verdict)
    },
    remove: () => {
      place.remove()
    },
  }
}

export const findingsOf = ({ writers, findings }: AuditVerdict): readonly Finding[] => [
  ...findings,
  ...writers.flatMap((one) => one.findings),
]
