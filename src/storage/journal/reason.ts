/** Why the disk did not take a record, in words that an operator can act on. */

import { Failure, systemErrorCode } from '../../base/errors.ts'

/** In words, without paths: it is told to whoever asks for the status. */
export function reasonOf(error: unknown): string {
  if (error instanceof Failure) return error.message
  const code = systemErrorCode(error) ?? 'unknown error'
  return REASONS.get(code) ?? `the disk failed (${code})`
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EFBIG', 'the file size limit of the process is reached'],
  ['EDQUOT', 'the disk quota of the system user is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'the audit directory may not be written'],
  ['EPERM', 'the audit directory may not be written'],
  ['ENOENT', 'the audit directory is gone'],
])
