/** Columns of a row as the types they have: STRICT tables promise them, and this checks. */

import { Failure } from '../../base/errors.ts'
import type { Row } from './database.ts'

export function textOf(row: Row, column: string): string {
  const value = row[column]
  return typeof value === 'string' ? value : misread(column)
}

export function integerOf(row: Row, column: string): number {
  const value = row[column]
  return typeof value === 'number' ? value : misread(column)
}

/** Whole or not. */
export const numberOf = integerOf

/** Undefined for NULL. */
export function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column)
}

/** Undefined for NULL. */
export function optionalIntegerOf(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integerOf(row, column)
}

function misread(column: string): never {
  throw new Failure('database_unavailable', `the column ${column} holds something unexpected`)
}
