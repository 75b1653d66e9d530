/**
 * Secrets that still wait in the inbox, sealed anew when their service was pointed elsewhere: an
 * envelope names the origins that may receive it, and only who seals may name others.
 */

import type { Catalog } from '../catalog/catalog.ts'
import type { SealedPayload } from '../secret/envelope-text.ts'
import { seal, unseal } from '../secret/envelope.ts'
import { readInbox, replaceInInbox } from '../state-dir/inbox.ts'
import { readServerKeys } from '../state-dir/key-files.ts'
import { secretNamesOf } from '../config/service-settings.ts'
import { purposeOf } from './sealing.ts'
import { sealWith } from './secret-set.ts'
import type { Local } from './session.ts'

/** The names of the service's secrets that were sealed for its origins of now. */
export async function resealInbox(local: Local, catalog: Catalog, id: string): Promise<string[]> {
  const service = catalog.services.get(id)
  const names = service ? secretNamesOf(service) : []
  const resealed: string[] = []
  for (const { name, envelope } of readInbox(local.state)) {
    if (!names.includes(name)) continue
    const payload = await openOwn(local, name, envelope)
    if (!payload) continue
    const { origins } = purposeOf(catalog, name)
    const { recipient, sealer } = sealWith(local, payload.version)
    const again = await seal({ payload: { ...payload, origins }, recipient, sealer })
    replaceInInbox(local.state, { name, envelope: again })
    resealed.push(name)
  }
  return resealed
}

/** Undefined when it is no envelope of this environment: `serve` will say what is wrong with it. */
async function openOwn(
  { config, state }: Local,
  name: string,
  envelope: string,
): Promise<SealedPayload | undefined> {
  const { vault } = await readServerKeys(state)
  const opened = await unseal(envelope, {
    identity: vault.identity,
    sealers: config.vault.sealers,
    env: config.environment,
    name,
    minimumVersion: 0,
  })
  return opened.ok ? opened.value : undefined
}
