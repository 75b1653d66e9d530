/** The file operations that the journal needs: a seam, so that tests can let each of them fail. */

import { constants } from 'node:fs'
import {
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  unlink,
  type FileHandle,
} from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, systemErrorCode } from '../../base/errors.ts'

/** A file open for writing. Only one operation runs at a time. */
export interface SegmentFile {
  /** Tells this file from another one that took its name. */
  readonly identity: string
  /** Bytes that were in it when it was opened. */
  readonly size: number
  /** Resolves once the bytes are on disk, with how many there are: perhaps fewer than asked. */
  write(bytes: Buffer, position: number): Promise<number>
  /** Resolves once the shorter file is on disk. */
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

export interface JournalFiles {
  makeDirectory(path: string): Promise<void>
  /** Opens for writing, makes it when there is none; never follows a symbolic link. */
  open(path: string): Promise<SegmentFile>
  /** The identity of what has that name; undefined when nothing has. */
  identify(path: string): Promise<string | undefined>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes new names in a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Bytes of all files below a directory. */
  measure(directory: string): Promise<number>
}

// On Linux O_DSYNC makes one system call of write and fdatasync, a third cheaper than the two. macOS
// takes the flag but does not empty the drive's cache; its fdatasync here does.
const WRITES_ARE_DURABLE = process.platform === 'linux'
const FLAGS =
  constants.O_WRONLY |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  (WRITES_ARE_DURABLE ? constants.O_DSYNC : 0)

export const nodeFiles: JournalFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },

  async open(path) {
    const file = await open(path, FLAGS, 0o600)
    try {
      return await segmentFile(file)
    } catch (error) {
      await file.close()
      throw error
    }
  },

  async identify(path) {
    try {
      const { dev, ino } = await lstat(path)
      return `${dev}:${ino}`
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  },

  rename,

  remove: unlink,

  async syncDirectory(path) {
    const directory = await open(path, constants.O_RDONLY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  },

  async measure(directory) {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    let bytes = 0
    for (const entry of entries) {
      if (entry.isFile()) bytes += await sizeOf(join(entry.parentPath, entry.name))
    }
    return bytes
  },
}

async function segmentFile(file: FileHandle): Promise<SegmentFile> {
  const { dev, ino, size, ...stats } = await file.stat()
  if (!isRegular(stats.mode)) throw new Failure('audit_unavailable', 'a segment is no regular file')
  return {
    identity: `${dev}:${ino}`,
    size,
    async write(bytes, position) {
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, position)
      if (!WRITES_ARE_DURABLE) await file.datasync()
      return bytesWritten
    },
    async truncate(length) {
      await file.truncate(length)
      await file.datasync()
    },
    close: () => file.close(),
  }
}

const isRegular = (mode: number) => (mode & constants.S_IFMT) === constants.S_IFREG

/** Zero for a file that went away meanwhile. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
