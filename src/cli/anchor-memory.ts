/** What was handed to servers that cannot be asked what they have: by a digest of their URL. */

import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import { configurationHome } from './login-file.ts'
import type { Terminal } from './terminal.ts'

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

export function remember(
  terminal: Terminal,
  target: string,
  checkpoints: readonly SignedCheckpoint[],
): void {
  const memory = readMemory(terminal)
  const notes = { ...memory[nameOf(target)] }
  for (const { origin, note } of checkpoints) notes[origin] = note
  const path = memoryPath(terminal)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  replaceFile(path, `${JSON.stringify({ ...memory, [nameOf(target)]: notes }, undefined, 2)}\n`)
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
