/**
 * A MAC over what a row permits, under a key that is not in the database: whoever can write the
 * database can destroy rows or put an older one back, but can neither widen one nor make one.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** Every value in a fixed order; JSON keeps their borders apart. */
export type MacInput = readonly (string | number | null)[]

export interface RowMac {
  sign(values: MacInput): string
  verify(values: MacInput, mac: string): boolean
}

/** `table` keeps rows of one table from passing for rows of another. */
export function createRowMac(key: KeyObject, table: string): RowMac {
  const digestOf = (values: MacInput) =>
    createHmac('sha256', key)
      .update(JSON.stringify([table, ...values]))
      .digest()
  return {
    sign: (values) => digestOf(values).toString('base64url'),
    verify(values, mac) {
      const given = Buffer.from(mac, 'base64url')
      const expected = digestOf(values)
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}
