/**
 * The journal's file operations with faults to order: errors, short writes, no answer, and the end
 * of the thread. What is ordered lies in shared memory, since the writer has a thread of its own.
 */

import { join } from 'node:path'
import type { DerivedFile, JournalFiles, SegmentFile } from '../../src/storage/journal/files.ts'
import { nodeFiles } from '../../src/storage/journal/files.ts'
import type { WriterThread } from '../../src/storage/journal/writer.ts'

const OPERATIONS = [
  ...['open', 'write', 'truncate', 'identify', 'syncDirectory', 'close', 'rename', 'remove'],
  ...['openDerived', 'writeDerived', 'replace'],
] as const
export type FileOperation =
  | ('open' | 'write' | 'truncate' | 'identify' | 'syncDirectory' | 'close' | 'rename' | 'remove')
  | ('openDerived' | 'writeDerived' | 'replace')

const FAULTS = [
  'none',
  'ENOSPC',
  'EIO',
  'EROFS',
  'EDQUOT',
  'ESTALE',
  'short',
  'hang',
  'end',
] as const

/**
 * A system's error code; `short`: a part is written, then ENOSPC; `hang`: no answer until healed;
 * `end`: the thread ends in the middle of it, after a write's bytes are on disk.
 */
export type Fault = Exclude<(typeof FAULTS)[number], 'none'>

/** One word for each operation's fault, one for each one's count, one for the number of cures. */
const CURES = 2 * OPERATIONS.length

export interface Faults {
  readonly memory: SharedArrayBuffer
  readonly fault: (operation: FileOperation, fault: Fault) => void
  /** Everything works again; what hangs goes on. */
  readonly heal: () => void
  /** How often each operation was asked for. */
  readonly calls: Readonly<Record<FileOperation, number>>
  /** The thread that has these faults. */
  readonly thread: WriterThread
}

export function createFaults(): Faults {
  const memory = new SharedArrayBuffer(4 * (CURES + 1))
  const words = new Int32Array(memory)
  const calls = Object.defineProperties(
    {},
    Object.fromEntries(
      OPERATIONS.map((name, index) => [
        name,
        { get: () => Atomics.load(words, OPERATIONS.length + index) },
      ]),
    ),
  ) as Record<FileOperation, number>
  return {
    memory,
    calls,
    fault(operation, fault) {
      Atomics.store(words, OPERATIONS.indexOf(operation), FAULTS.indexOf(fault))
    },
    heal() {
      words.fill(0, 0, OPERATIONS.length)
      Atomics.add(words, CURES, 1)
      Atomics.notify(words, CURES)
    },
    thread: { file: join(import.meta.dirname, 'faulty-writer-thread.ts'), faults: memory },
  }
}

/** `end`: how a thread ends. */
export function createFaultyFiles(memory: SharedArrayBuffer, end: () => never): JournalFiles {
  const words = new Int32Array(memory)

  const fault = (operation: FileOperation): Fault | undefined => {
    const ordered = FAULTS[Atomics.load(words, OPERATIONS.indexOf(operation))] ?? 'none'
    return ordered === 'none' ? undefined : ordered
  }

  const attempt = <T>(operation: FileOperation, run: () => T): T => {
    Atomics.add(words, OPERATIONS.length + OPERATIONS.indexOf(operation), 1)
    const cures = Atomics.load(words, CURES)
    const ordered = fault(operation)
    if (ordered === 'hang') Atomics.wait(words, CURES, cures)
    else if (ordered === 'end') {
      run()
      end()
    } else if (ordered !== undefined) throw systemError(ordered === 'short' ? 'ENOSPC' : ordered)
    return run()
  }

  /** Half of the bytes reach the disk, and the next write finds none left. */
  const write = (file: SegmentFile, parts: readonly Buffer[], position: number): number => {
    if (fault('write') !== 'short') return attempt('write', () => file.write(parts, position))
    Atomics.add(words, OPERATIONS.length + OPERATIONS.indexOf('write'), 1)
    Atomics.store(words, OPERATIONS.indexOf('write'), FAULTS.indexOf('ENOSPC'))
    const [bytes = Buffer.alloc(0)] = parts
    return file.write([bytes.subarray(0, Math.ceil(bytes.length / 2))], position)
  }

  /** Whatever the system says, the descriptor is gone. */
  const close = (file: SegmentFile | DerivedFile): void => {
    file.close()
    attempt('close', () => undefined)
  }

  return {
    ...nodeFiles,
    identify: (path) => attempt('identify', () => nodeFiles.identify(path)),
    rename: (from, to) => {
      attempt('rename', () => {
        nodeFiles.rename(from, to)
      })
    },
    remove: (path) => {
      attempt('remove', () => {
        nodeFiles.remove(path)
      })
    },
    replace: (path, content) => {
      attempt('replace', () => {
        nodeFiles.replace(path, content)
      })
    },
    syncDirectory: (path) => {
      attempt('syncDirectory', () => {
        nodeFiles.syncDirectory(path)
      })
    },
    open: (path) =>
      attempt('open', () => {
        const file = nodeFiles.open(path)
        return {
          ...file,
          write: (parts, position) => write(file, parts, position),
          truncate: (size) => {
            attempt('truncate', () => {
              file.truncate(size)
            })
          },
          close: () => {
            close(file)
          },
        }
      }),
    openDerived: (path) =>
      attempt('openDerived', () => {
        const file = nodeFiles.openDerived(path)
        return {
          write: (bytes, position) => {
            attempt('writeDerived', () => {
              file.write(bytes, position)
            })
          },
          close: () => {
            close(file)
          },
        }
      }),
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: fault to order`), { code })
}
