/** What was handed to servers that cannot be asked what they have: by a digest of their URL. */

import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { newestOf } from '../anchor/place.ts'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import { configurationHome } from './login-file.ts'
import type { Terminal } from './terminal.ts'
import { whileLocked } from './witness-lock.ts'

/** Notes by origin, by target. */
const schema = z.record(z.string(), z.record(z.string(), z.string()))
type Memory = z.infer<typeof schema>

export function recall(terminal: Terminal, target: string): Map<string, SignedCheckpoint> {
  const notes = Object.entries(readMemory(terminal)[nameOf(target)] ?? {})
  return new Map(
    notes.flatMap(([origin, note]) => {
      const checkpoint = readCheckpoint(note)
      return checkpoint ? [[origin, checkpoint] as const] : []
    }),
  )
}

/** Where nothing can be kept, as in a container, it is sent again. Throws `state_unsafe`. */
export function remember(
  terminal: Terminal,
  target: string,
  checkpoints: readonly SignedCheckpoint[],
): void {
  const path = memoryPath(terminal)
  try {
    whileLocked(dirname(path), () => {
      const all = newestOf([...recall(terminal, target).values(), ...checkpoints])
      const notes = Object.fromEntries([...all].map(([origin, { note }]) => [origin, note]))
      const memory = { ...readMemory(terminal), [nameOf(target)]: notes }
      replaceFile(path, `${JSON.stringify(memory, undefined, 2)}\n`)
    })
  } catch (error) {
    if (error instanceof Failure) throw error
  }
}

/** One that is damaged costs no more than a message that was sent before. */
function readMemory(terminal: Terminal): Memory {
  try {
    return schema.parse(JSON.parse(readPrivateFile(memoryPath(terminal)) ?? '{}'))
  } catch {
    return {}
  }
}

const nameOf = (target: string): string => createHash('sha256').update(target).digest('hex')

const memoryPath = (terminal: Terminal): string =>
  join(configurationHome(terminal), 'checkpoints', 'anchored.json')
