/** A store whose settings may change while it runs: what was opened with former ones is closed. */

import { Failure } from '../base/errors.ts'
import type { SecretStore } from '../secret/secret-store.ts'

export interface LiveStoreParts<S> {
  /** The section of the configuration. */
  readonly name: string
  readonly settings: () => S | undefined
  readonly open: (settings: S) => SecretStore
}

export function createLiveStore<S>(parts: LiveStoreParts<S>): Required<SecretStore> {
  let opened: { readonly as: string; readonly store: SecretStore } | undefined

  const current = (): SecretStore => {
    const settings = parts.settings()
    if (settings === undefined)
      throw new Failure(
        'secret_store_unavailable',
        `there is no ${parts.name} in the configuration`,
      )
    // Read again, the same text makes equal settings: its sessions and leases go on.
    const as = JSON.stringify(settings)
    if (opened?.as === as) return opened.store
    void opened?.store.close?.()
    opened = { as, store: parts.open(settings) }
    return opened.store
  }

  return {
    read: async (ref) => current().read(ref),
    doubt(ref) {
      opened?.store.doubt?.(ref)
    },
    async close() {
      await opened?.store.close?.()
      opened = undefined
    },
  }
}
