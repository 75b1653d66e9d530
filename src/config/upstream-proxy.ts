/** The proxy of a company's network, through which upstreams are reached where there is no other way. */

import type { z } from 'zod'
import type { SourceReference } from '../secret/reference.ts'
import type { Address } from './address.ts'
import { exemption, listOf, mountedReference, plainProxy, section } from './forms.ts'
import { required, setting } from './setting.ts'

export interface UpstreamProxySettings {
  readonly address: Address
  /** Where `user:password` is kept. */
  readonly credential: SourceReference | undefined
  /** Names, `*.suffixes` and addresses that are dialled directly. */
  readonly exempt: readonly string[]
}

export const upstreamProxySection = section({
  url: required(plainProxy(), {
    form: 'http://HOST:PORT',
    meaning:
      'reaches upstreams with CONNECT through this proxy; HTTPS_PROXY and its kin are not read',
  }),
  credential: setting(mountedReference(), {
    form: 'env:VARIABLE or file:/PATH',
    meaning: 'where `user:password` for it is kept; never the credential itself',
  }),
  no_proxy: setting(listOf(exemption(), 'host names'), {
    form: 'list of host names',
    meaning: 'names, `*.suffixes` and addresses that are dialled directly',
  }),
})

export function upstreamProxySettings(
  section: z.output<typeof upstreamProxySection> | undefined,
): UpstreamProxySettings | undefined {
  return (
    section && {
      address: section.url,
      credential: section.credential,
      exempt: section.no_proxy ?? [],
    }
  )
}
