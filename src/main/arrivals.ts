/** What `init` left in files for the first start: sealed secrets and the first operator. */

import type { AuditLog, ChangeEvent } from '../audit/audit-log.ts'
import { newId, newRequestId } from '../base/ids.ts'
import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { OperatorStore } from '../policy/operator-store.ts'
import { verifyEnvelope, type Sealers } from '../secret/envelope.ts'
import type { SealedSecret, SealedStore } from '../secret/sealed-store.ts'
import { readInbox, removeFromInbox } from '../state-dir/inbox.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { StateDirectory } from '../state-dir.ts'

interface InboxParts {
  readonly sealed: SealedStore
  readonly sealers: Sealers
  readonly audit: Pick<AuditLog, 'change'>
  readonly now: Now
  readonly log: Log
}

/**
 * Stores each waiting envelope whose name is free, then removes its file: killed in between, the
 * next start finds the name taken and only removes. An envelope that does not verify stays.
 */
export async function takeInbox(state: StateDirectory, parts: InboxParts): Promise<void> {
  const { sealers, now, log } = parts
  for (const { name, envelope } of readInbox(state)) {
    const verified = verifyEnvelope(envelope, sealers)
    if (!verified.ok) {
      log.error('inbox_refused', { name, reason: verified.error.reason })
      continue
    }
    const secret = { name, version: 1, envelope, sealedBy: verified.value.sealer, storedAt: now() }
    if (!(await storeFirst(parts, secret))) {
      // Deleted once: version 1 would be taken for a rollback, so `secret set` has to seal it anew.
      log.error('inbox_refused', { name, reason: 'version_rolled_back' })
      continue
    }
    removeFromInbox(state, name)
    log.info('inbox_taken', { name })
  }
}

/** False where it was deleted once. One that is there already is left as it is. */
async function storeFirst({ sealed, audit, now }: InboxParts, secret: SealedSecret) {
  const { name, version, sealedBy } = secret
  if ((await sealed.find(name)) !== undefined) return true
  if ((await sealed.highestVersion(name)) >= version) return false
  await recordSystem(audit, now(), {
    action: 'secret.set',
    target: name,
    details: { version, sealedBy, by: 'init' },
  })
  return await sealed.put(secret, 0)
}

/** Recorded before it is done: killed in between, the next start records and does it again. */
async function recordSystem(
  audit: Pick<AuditLog, 'change'>,
  at: number,
  change: Pick<ChangeEvent, 'action' | 'target' | 'details'>,
): Promise<void> {
  const by = { operator: 'system', source: 'local', requestId: newRequestId() }
  await audit.change({ ...change, ...by, at, result: 'done' })
}

interface FirstOperatorParts {
  readonly operators: OperatorStore
  readonly audit: Pick<AuditLog, 'change'>
  readonly digest: (text: string) => string
  readonly now: Now
  readonly log: Log
}

/** Makes the holder of `keys/operator.key` the first admin; later ones are `operator add`'s work. */
export async function ensureFirstOperator(
  state: StateDirectory,
  { operators, audit, digest, now, log }: FirstOperatorParts,
): Promise<void> {
  const local = readLocalOperator(state)
  if (!local || (await operators.list()).length > 0) return
  const operator = { id: newId('op'), name: local.name, role: 'admin', createdAt: now() } as const
  const { id, name, role } = operator
  await recordSystem(audit, now(), {
    action: 'operator.add',
    target: name,
    details: { id, role, by: 'init' },
  })
  await operators.insert(operator, digest(local.key))
  log.info('first_operator', { name: local.name })
}
