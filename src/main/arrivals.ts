/** What `init` left in files for the first start: sealed secrets and the first operator. */

import { newId } from '../base/ids.ts'
import type { Now } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { OperatorStore } from '../policy/operator-store.ts'
import { verifyEnvelope, type Sealers } from '../secret/envelope.ts'
import type { SealedStore } from '../secret/sealed-store.ts'
import { readInbox, removeFromInbox } from '../state-dir/inbox.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { StateDirectory } from '../state-dir.ts'

/**
 * Stores each waiting envelope whose name is free, then removes its file: killed in between, the
 * next start finds the name taken and only removes. An envelope that does not verify stays.
 */
export async function takeInbox(
  state: StateDirectory,
  { sealed, sealers, now, log }: { sealed: SealedStore; sealers: Sealers; now: Now; log: Log },
): Promise<void> {
  for (const { name, envelope } of readInbox(state)) {
    const verified = verifyEnvelope(envelope, sealers)
    if (!verified.ok) {
      log.error('inbox_refused', { name, reason: verified.error.reason })
      continue
    }
    const secret = { name, version: 1, envelope, sealedBy: verified.value.sealer, storedAt: now() }
    if (!(await sealed.put(secret, 0)) && (await sealed.find(name)) === undefined) {
      // Deleted once: version 1 would be taken for a rollback, so `secret set` has to seal it anew.
      log.error('inbox_refused', { name, reason: 'version_rolled_back' })
      continue
    }
    removeFromInbox(state, name)
    log.info('inbox_taken', { name })
  }
}

/** Makes the holder of `keys/operator.key` the first admin; later ones are `operator add`'s work. */
export async function ensureFirstOperator(
  state: StateDirectory,
  {
    operators,
    digest,
    now,
    log,
  }: { operators: OperatorStore; digest: (text: string) => string; now: Now; log: Log },
): Promise<void> {
  const local = readLocalOperator(state)
  if (!local || (await operators.list()).length > 0) return
  const operator = { id: newId('op'), name: local.name, role: 'admin', createdAt: now() } as const
  await operators.insert(operator, digest(local.key))
  log.info('first_operator', { name: local.name })
}
