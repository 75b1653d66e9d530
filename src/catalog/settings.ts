/** What the configuration says about a service; the catalogue files say everything else. */

import type { OriginOverride } from './service.ts'

export interface ServiceSettings {
  /** Makes this a service of its own, with the rules of another one and scopes under this name. */
  readonly extends?: string | undefined
  /** Name of its secret, where it is not the service's id. */
  readonly credential?: string | undefined
  readonly origin?: OriginOverride | undefined
  /** Asked for tokens instead of the host that the catalogue names. */
  readonly tokenOrigin?: OriginOverride | undefined
  /** Exact names under the service's wildcard hosts. */
  readonly hosts?: readonly string[] | undefined
  readonly bodyLimitBytes?: number | undefined
}
