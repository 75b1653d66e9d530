/** The journal's file operations, with the points at which the whole process may be killed in them. */

import { writeFileSync } from 'node:fs'
import { nodeFiles, type JournalFiles, type SegmentFile } from '../../src/storage/journal/files.ts'
import type { Trigger } from './kill-points.ts'

export function createKillFiles({ reach }: Trigger): JournalFiles {
  return {
    ...nodeFiles,
    open(path) {
      const file = nodeFiles.open(path)
      reach('segment opened')
      return killedFile(file, reach)
    },
    openDerived(path) {
      const file = nodeFiles.openDerived(path)
      return {
        ...file,
        write(bytes, position) {
          file.write(bytes, position)
          reach('hashes written')
        },
      }
    },
    identify(path) {
      reach('segment checked')
      return nodeFiles.identify(path)
    },
    replace(path, content) {
      const isCheckpoint = path.endsWith('checkpoint')
      if (isCheckpoint) {
        writeFileSync(`${path}.new`, content.slice(0, content.length / 2))
        reach('checkpoint half replaced')
      }
      nodeFiles.replace(path, content)
      reach(isCheckpoint ? 'checkpoint replaced' : 'frontier replaced')
    },
    syncDirectory(path) {
      nodeFiles.syncDirectory(path)
      reach('directory synced')
    },
  }
}

function killedFile(file: SegmentFile, reach: Trigger['reach']): SegmentFile {
  return {
    ...file,
    write(parts, position) {
      reach('batch begun')
      const [bytes = Buffer.alloc(0)] = parts
      const half = bytes.subarray(0, bytes.length / 2)
      if (half.length > 0) file.write([half], position)
      reach('batch half on disk')
      const count = file.write(parts, position)
      reach('batch on disk')
      return count
    },
    truncate(size) {
      file.truncate(size)
      reach('segment left')
    },
  }
}
