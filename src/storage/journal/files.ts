/**
 * The file operations that a journal's writer needs: a seam, so that tests can let each of them
 * fail. They block: only the writer's own thread, which has nothing else to do, calls them.
 */

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writevSync,
  writeSync,
} from 'node:fs'
import { Failure, systemErrorCode } from '../../base/errors.ts'

/** A file open for writing. */
export interface SegmentFile {
  /** Tells this file from another one that took its name. */
  readonly identity: string
  /** Bytes that were in it when it was opened. */
  readonly size: number
  /** Returns once the bytes are on disk, with how many there are: perhaps fewer than asked. */
  write(parts: readonly Buffer[], position: number): number
  /** Returns once the shorter file is on disk. */
  truncate(size: number): void
  close(): void
}

/** A file that can be made again from the segments: what is written to it need not be on disk. */
export interface DerivedFile {
  write(bytes: Buffer, position: number): void
  close(): void
}

export interface JournalFiles {
  makeDirectory(path: string): void
  /** Opens for writing, makes it when there is none; never follows a symbolic link. */
  open(path: string): SegmentFile
  openDerived(path: string): DerivedFile
  /** Undefined when there is none. */
  read(path: string): Buffer | undefined
  /** A whole new content under that name, or the old one. */
  replace(path: string, content: string): void
  /** The identity of what has that name; undefined when nothing has. */
  identify(path: string): string | undefined
  rename(from: string, to: string): void
  remove(path: string): void
  /** Makes new names in a directory durable. */
  syncDirectory(path: string): void
}

// On Linux O_DSYNC makes one system call of write and fdatasync, a third cheaper than the two. macOS
// takes the flag but does not empty the drive's cache; its fdatasync here does.
const WRITES_ARE_DURABLE = process.platform === 'linux'
const DERIVED = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
const DURABLE = DERIVED | (WRITES_ARE_DURABLE ? constants.O_DSYNC : 0)
const MODE = 0o600

export const nodeFiles: JournalFiles = {
  makeDirectory(path) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  },

  open: (path) => segmentFile(openRegular(path, DURABLE)),

  openDerived(path) {
    const file = openRegular(path, DERIVED)
    return {
      write(bytes, position) {
        for (let written = 0; written < bytes.length;)
          written += writeSync(file, bytes, written, bytes.length - written, position + written)
      },
      close: () => {
        closeSync(file)
      },
    }
  },

  read: (path) => unlessMissing(() => readFileSync(path)),

  replace(path, content) {
    const fresh = `${path}.new`
    writeFileSync(fresh, content, { mode: MODE })
    renameSync(fresh, path)
  },

  identify: (path) => unlessMissing(() => identityOf(lstatSync(path))),

  rename: renameSync,

  remove: unlinkSync,

  syncDirectory(path) {
    const directory = openSync(path, constants.O_RDONLY)
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  },
}

/** A directory, a device or a pipe of that name is not ours. */
function openRegular(path: string, flags: number): number {
  const file = openSync(path, flags, MODE)
  if (fstatSync(file).isFile()) return file
  closeSync(file)
  throw new Failure('audit_unavailable', 'a file of the audit is no regular file')
}

function segmentFile(file: number): SegmentFile {
  const stats = fstatSync(file)
  return {
    identity: identityOf(stats),
    size: stats.size,
    write(parts, position) {
      const count = writevSync(file, parts, position)
      if (!WRITES_ARE_DURABLE) fdatasyncSync(file)
      return count
    },
    truncate(size) {
      ftruncateSync(file, size)
      fdatasyncSync(file)
    },
    close() {
      closeSync(file)
    },
  }
}

const identityOf = ({ dev, ino }: { dev: number; ino: number }): string => `${dev}:${ino}`

function unlessMissing<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
