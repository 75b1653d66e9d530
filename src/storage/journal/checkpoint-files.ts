/** The newest checkpoints of all writers: this process's own from its memory, others' from their files. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoints, WriterCheckpoint } from '../../audit/checkpoints.ts'
import { readCheckpoint } from '../../audit/signed-checkpoint.ts'
import { systemErrorCode } from '../../base/errors.ts'
import { LeafRoots } from './leaf-roots.ts'
import { listWriters } from './segment.ts'

export interface CheckpointFilesParts {
  /** Holds one directory for each writer. */
  readonly directory: string
  readonly publicKey: string
  /** The writer that is this process's own. */
  readonly writer: string
  /** Its newest, which may not be in its file yet. */
  readonly newest: () => string | undefined
}

export function openCheckpoints(parts: CheckpointFilesParts): Checkpoints {
  const { directory, publicKey, writer: own, newest } = parts
  const noteOf = async (writer: string) =>
    (writer === own ? newest() : undefined) ?? (await readIfThere(directory, writer))
  const trees = new Map<string, LeafRoots>()
  const treeOf = (writer: string): LeafRoots => {
    const tree = trees.get(writer) ?? new LeafRoots(join(directory, writer))
    trees.set(writer, tree)
    return tree
  }
  return {
    publicKey,
    newest,
    async all() {
      const writers = await listWriters(directory)
      const found = await Promise.all(
        writers.map(async (writer) => ({ writer, note: await noteOf(writer) })),
      )
      return found.filter((each): each is WriterCheckpoint => each.note !== undefined)
    },
    async growth({ writer, from, to }) {
      if (!(await listWriters(directory)).includes(writer)) return undefined
      const signed = readCheckpoint((await noteOf(writer)) ?? '')
      // What no signature covers yet may still be taken back, and must not stay in memory.
      if (!signed || from < 1 || from > to || to > signed.size) return undefined
      return await treeOf(writer).path(from, to)
    },
  }
}

/** A file is replaced as a whole, so that what is read is one checkpoint. */
async function readIfThere(directory: string, writer: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, writer, 'checkpoint'), 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
