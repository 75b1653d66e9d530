/**
 * Secrets in files, as Docker, Kubernetes and systemd mount them: only inside `secret_dirs`,
 * wherever symbolic links lead, and only where other users of the machine cannot read or
 * replace them.
 */

import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { MAX_SECRET_BYTES } from '../secret/parse-fields.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import { Secret } from '../secret/secret.ts'
import { exposureOf } from './file-exposure.ts'
import type { ValueVersion } from './value-version.ts'

export interface FileStoreParts {
  /** `secret_dirs`; asked at each read. */
  readonly directories: () => readonly string[]
  readonly versionOf: ValueVersion
}

/** A store whose references are absolute paths; the content is one field named `secret`. */
export function createFileStore({ directories, versionOf }: FileStoreParts): SecretStore {
  return {
    async read(path) {
      const value = await findSecret(path, directories())
      return value && { fields: new Map([['secret', value]]), version: versionOf(value) }
    },
  }
}

/** What is missing is no trouble; what was refused for its form stays as it is. */
async function findSecret(
  path: string,
  directories: readonly string[],
): Promise<Secret | undefined> {
  try {
    return await readSecretFile(path, directories)
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'ELOOP') throw new Failure('secret_invalid', `${path} is a circle of links`)
    throw new Failure('secret_store_unavailable', `${path} cannot be read: ${code ?? 'no reason'}`)
  }
}

async function readSecretFile(path: string, directories: readonly string[]): Promise<Secret> {
  if (!directories.some((directory) => isInside(path, directory)))
    throw new Failure('secret_invalid', `${path} is outside secret_dirs`)
  const target = await realpath(path)
  // Kubernetes' `..data` links stay inside their directory; a link to our own keys does not.
  const roots = await Promise.all(directories.map(realDirectory))
  if (!roots.some((root) => root !== undefined && isInside(target, root)))
    throw new Failure('secret_invalid', `${path} leads outside secret_dirs`)
  // NONBLOCK: opening a named pipe must not wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  await using file = await open(target, flags)
  await refuseUnsafe(file, path, target)
  const text = await file.readFile('utf8')
  if (text === '') throw new Failure('secret_invalid', `${path} is empty`)
  return new Secret(text)
}

/** Looks at the open file, so that it is this very file that is then read. */
async function refuseUnsafe(file: FileHandle, path: string, target: string): Promise<void> {
  const found = await file.stat()
  if (!found.isFile()) throw new Failure('secret_invalid', `${path} is not a regular file`)
  if (found.size > MAX_SECRET_BYTES)
    throw new Failure('secret_invalid', `${path} is larger than 64 KiB`)
  const exposure = await exposureOf(target, found.mode)
  if (exposure !== undefined) throw new Failure('secret_invalid', `${path} ${exposure}`)
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep)
}

async function realDirectory(directory: string): Promise<string | undefined> {
  return realpath(directory).catch(() => undefined)
}
