/**
 * The highest envelope version opened for each name, kept where whoever writes the database
 * cannot: `vault/versions.json` in the state directory.
 *
 * `raise` answers when the number is on disk, so that a crash cannot bring an old envelope back.
 */

import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { isSecretName } from '../secret/names.ts'

export interface VersionFloor {
  /** 0 when no version of this name was opened yet. */
  highest(name: string): number
  /** Durable when it answers; a lower version than the highest changes nothing. */
  raise(name: string, version: number): Promise<void>
}

const floorSchema = z.strictObject({
  v: z.literal(1),
  versions: z.record(z.string().refine(isSecretName), z.int().positive()),
})

/**
 * Reads the file, or begins without one. Throws `state_unsafe` when it is there and unreadable:
 * to go on without it would accept what it forbids.
 */
export async function openVersionFloor({ path }: { path: string }): Promise<VersionFloor> {
  const versions = await readVersions(path)
  // One write at a time: two would share the temporary file.
  let lastWrite: Promise<void> = Promise.resolve()

  /** Only what is on disk counts as raised: after a write that failed, the next one is tried. */
  const write = async (name: string, version: number): Promise<void> => {
    if (version <= (versions.get(name) ?? 0)) return
    await replaceFile(path, encodeVersions(new Map(versions).set(name, version)))
    versions.set(name, version)
  }

  return {
    highest: (name) => versions.get(name) ?? 0,

    raise(name, version) {
      lastWrite = lastWrite.catch(() => undefined).then(() => write(name, version))
      return lastWrite
    },
  }
}

function encodeVersions(versions: ReadonlyMap<string, number>): string {
  return JSON.stringify({ v: 1, versions: Object.fromEntries(versions) }) + '\n'
}

async function readVersions(path: string): Promise<Map<string, number>> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'))
    return new Map(Object.entries(floorSchema.parse(json).versions))
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return new Map()
    throw new Failure('state_unsafe', 'vault/versions.json cannot be read', { cause })
  }
}

/** Whole old or whole new, whenever the process or the machine stops. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  try {
    await writeDurably(temporary, text)
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (cause) {
    throw new Failure('state_unsafe', 'vault/versions.json cannot be written', { cause })
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o600)
  await file.writeFile(text)
  await file.sync()
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
