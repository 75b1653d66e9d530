/** The journal's file operations with faults to order: errors, short writes, and no answer. */

import type { JournalFiles, SegmentFile } from '../../src/storage/journal/files.ts'
import { nodeFiles } from '../../src/storage/journal/files.ts'

export type FileOperation = 'open' | 'write' | 'truncate' | 'identify' | 'syncDirectory' | 'close'

/** A system's error code; `short`: a part is written, then ENOSPC; `hang`: no answer until healed. */
export type Fault = 'ENOSPC' | 'EIO' | 'EROFS' | 'EDQUOT' | 'ESTALE' | 'short' | 'hang'

export interface FaultyFiles extends JournalFiles {
  readonly fault: (operation: FileOperation, fault: Fault) => void
  /** Everything works again; what hangs goes on. */
  readonly heal: () => void
  /** How often each operation was asked for. */
  readonly calls: Readonly<Record<FileOperation, number>>
}

export function createFaultyFiles(): FaultyFiles {
  const faults = new Map<FileOperation, Fault>()
  const calls = { open: 0, write: 0, truncate: 0, identify: 0, syncDirectory: 0, close: 0 }
  let healed = Promise.withResolvers<undefined>()

  const attempt = async <T>(operation: FileOperation, run: () => Promise<T>): Promise<T> => {
    calls[operation]++
    const fault = faults.get(operation)
    if (fault === 'hang') await healed.promise
    else if (fault !== undefined) throw systemError(fault === 'short' ? 'ENOSPC' : fault)
    return run()
  }

  /** Half of the bytes reach the disk, and the next write finds none left. */
  const writeShort = async (file: SegmentFile, bytes: Buffer, position: number) => {
    calls.write++
    faults.set('write', 'ENOSPC')
    return file.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), position)
  }

  return {
    ...nodeFiles,
    calls,
    fault: (operation, fault) => faults.set(operation, fault),
    heal() {
      faults.clear()
      healed.resolve(undefined)
      healed = Promise.withResolvers()
    },
    identify: (path) => attempt('identify', () => nodeFiles.identify(path)),
    syncDirectory: (path) => attempt('syncDirectory', () => nodeFiles.syncDirectory(path)),
    open: (path) =>
      attempt('open', async () => {
        const file = await nodeFiles.open(path)
        return {
          ...file,
          write: (bytes, position) =>
            faults.get('write') === 'short'
              ? writeShort(file, bytes, position)
              : attempt('write', () => file.write(bytes, position)),
          truncate: (size) => attempt('truncate', () => file.truncate(size)),
          close: async () => {
            await file.close() // whatever the system says, the descriptor is gone
            await attempt('close', async () => undefined)
          },
        }
      }),
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: fault to order`), { code })
}
