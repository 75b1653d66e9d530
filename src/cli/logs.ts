/** `logs`: what the background service has printed. */

import type { Command } from 'commander'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import type { Call, Runner } from './command.ts'
import { loadLocal } from './session.ts'
import type { Terminal } from './terminal.ts'

const POLL_MS = 200
const options = z.object({ lines: z.coerce.number(), follow: z.boolean().optional() })

export function registerLogs(program: Command, runs: Runner): void {
  const command = program
    .command('logs')
    .description('show what the background service printed')
    .option('-n, --lines <count>', 'how many lines from the end', '50')
    .option('-f, --follow', 'go on with what comes')
  runs(command, options, logs)
}

async function logs({ session, options: asked }: Call<z.output<typeof options>>): Promise<void> {
  if (!Number.isSafeInteger(asked.lines) || asked.lines < 0)
    throw new Failure('usage_invalid', '--lines must be a whole number')
  const { config, state } = loadLocal(session)
  const text = readPrivateFile(state.logFile)
  if (text === undefined)
    throw new Failure(
      'not_found',
      `${config.environment} has no log yet: \`apistronghold start\` makes one`,
    )
  const lines = text.trimEnd().split('\n')
  const older = lines.length < asked.lines ? readPrivateFile(state.formerLogFile) : undefined
  const all = older === undefined ? lines : [...older.trimEnd().split('\n'), ...lines]
  const last = asked.lines === 0 ? [] : all.slice(-asked.lines)
  if (last.length > 0) session.terminal.print(last.join('\n'))
  if (asked.follow) await follow(session.terminal, state.logFile, Buffer.byteLength(text))
}

/** Until the command is interrupted. */
async function follow(terminal: Terminal, path: string, from: number): Promise<never> {
  for (let offset = from; ;) {
    await sleep(POLL_MS)
    const { size } = statSync(path)
    if (size < offset) offset = 0 // somebody cut the file
    if (size === offset) continue
    const text = readPart(path, offset, size)
    const end = text.lastIndexOf(0x0a)
    if (end < 0) continue // a line that is not whole yet
    terminal.print(text.subarray(0, end).toString('utf8'))
    offset += end + 1
  }
}

function readPart(path: string, from: number, to: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(to - from)
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from))
  } finally {
    closeSync(file)
  }
}
