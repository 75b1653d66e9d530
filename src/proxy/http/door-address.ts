/** How a client reached us for one operation: what URLs in the answer are turned back to. */

import type { Operation } from '../../catalog/catalog.ts'
import type { WireRequest } from '../wire/message.ts'
import { authorityOf } from './destination.ts'
import type { Directory } from './directory.ts'
import type { DoorAddress } from './rewrite.ts'

export interface DoorFacts {
  readonly request: Pick<WireRequest, 'listener' | 'host'>
  readonly directory: Directory
  readonly operation: Operation
  /** The door's own segment, as `/stripe`, or nothing. */
  readonly prefix: string
}

export function doorAddress({ request, directory, operation, prefix }: DoorFacts): DoorAddress {
  const { service, host } = operation
  return {
    catalog: directory.catalog,
    service,
    origin: originOfDoor(request),
    prefix,
    host,
    dialledAuthority: service.origin ? authorityOf(service, host) : undefined,
  }
}

/** `http://localhost:8900`, as the client wrote it. */
export function originOfDoor({ listener, host }: Pick<WireRequest, 'listener' | 'host'>): string {
  return `${listener.isSecure ? 'https' : 'http'}://${host ?? listener.address}`
}
