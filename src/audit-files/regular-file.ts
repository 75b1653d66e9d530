/**
 * Opens files of a log that may be anybody's: regular ones only. A pipe would keep its reader waiting
 * for ever, and a link would lead out of the log.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { Failure, systemErrorCode } from '../base/errors.ts'

const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** Many times what a key, a checkpoint or a frontier takes. */
const TEXT_LIMIT_BYTES = 64 * 1024

/** The descriptor; undefined where there is nothing. Throws `audit_unreadable` for what is no file. */
export function openIfThere(path: string): number | undefined {
  let file: number
  try {
    file = openSync(path, FLAGS)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
  if (fstatSync(file).isFile()) return file
  closeSync(file)
  throw noFile(path)
}

/** Throws the system's ENOENT where there is nothing, `audit_unreadable` for what is no file. */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, FLAGS).catch((error: unknown) => {
    throw systemErrorCode(error) === 'ENOENT' ? error : unreadable(path, error)
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw noFile(path)
}

/** A short text; undefined where there is none. */
export function readIfThere(path: string): string | undefined {
  const file = openIfThere(path)
  if (file === undefined) return undefined
  try {
    if (fstatSync(file).size > TEXT_LIMIT_BYTES)
      throw new Failure('audit_unreadable', `${path} is far longer than anything of that name`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function unreadable(path: string, error: unknown): Failure {
  const code = systemErrorCode(error) ?? 'failed'
  if (code === 'ELOOP') return noFile(path)
  return new Failure('audit_unreadable', `${path} cannot be read (${code})`, { cause: error })
}

const noFile = (path: string): Failure =>
  new Failure(
    'audit_unreadable',
    `${path} is no regular file: the log is none that was written here`,
  )
