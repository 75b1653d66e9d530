/** A folder in which `init` was run, and the commands that a test runs there; nothing is started. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run, runWell, type RunOptions } from './command.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from './temporary.ts'

export interface CliFolder extends TemporaryDirectory {
  /** Where a command runs, and what is typed into it. */
  place(input?: string): RunOptions
  /** The output of a command that must succeed and prints JSON. */
  json(...args: readonly string[]): Promise<object>
  /** Stops what a test has started here, and removes the folder. */
  end(): Promise<void>
}

const WHERE = ['--state-dir', 'state', '--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']

export async function startCliFolder(): Promise<CliFolder> {
  const folder = createTemporaryDirectory()
  const place = (input?: string): RunOptions => ({
    directory: folder.path,
    ...(input !== undefined && { input }),
  })
  await runWell(['init', '--env', 'production', '--yes', '--services', 'stripe', ...WHERE], place())
  return {
    ...folder,
    place,
    json: async (...args) => JSON.parse(await runWell([...args, '--json'], place())) as object,
    async end() {
      if (existsSync(join(folder.path, 'apistronghold.yaml'))) await run(['stop'], place())
      folder.remove()
    },
  }
}
