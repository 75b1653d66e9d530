/** What a command may touch of the outside: streams, variables, the directory it was called in. */

import picocolors from 'picocolors'
import { createDialogue, type Dialogue } from './dialogue.ts'
import { createPrint } from './reader-gone.ts'

export type Colors = ReturnType<typeof picocolors.createColors>

export interface Terminal {
  /** Standard output: the answer itself. Throws `ReaderGone` when nobody reads it any more. */
  print(text: string): void
  /** Standard error: what a person should know besides, and what went wrong. */
  note(text: string): void
  /** How far something is, on one line of standard error that the next one replaces; '' removes it. */
  progress(text: string): void
  /** A person sits at both ends: questions may be asked. */
  readonly isInteractive: boolean
  /** Standard output is a terminal and not a pipe or a file. */
  readonly isPrintingToPerson: boolean
  /** How wide standard output is; a wide one where it is no terminal. */
  readonly columns: number
  /** Only to be used where `isInteractive`. */
  readonly dialogue: Dialogue
  readonly colors: Colors
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  /** All of standard input; undefined when it is a terminal, where waiting would look like hanging. */
  readInput(): Promise<string | undefined>
}

const WIDE = 160
const MAX_INPUT_BYTES = 1024 * 1024

export function createTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  return {
    print: createPrint(stdout),
    note: (text) => stderr.write(`${text}\n`),
    progress(text) {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`)
    },
    isInteractive: stdin.isTTY && stdout.isTTY,
    isPrintingToPerson: stdout.isTTY,
    columns: stdout.isTTY ? stdout.columns : WIDE,
    dialogue: createDialogue(),
    colors: picocolors.createColors(wantsColors(stdout.isTTY)),
    env,
    workingDirectory: process.cwd(),
    readInput: async () => (stdin.isTTY ? undefined : await readAll(stdin)),
  }

  /** https://no-color.org: any value but an empty one. */
  function wantsColors(isTerminal: boolean): boolean {
    return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
  }
}

async function readAll(input: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    length += chunk.length
    if (length > MAX_INPUT_BYTES) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
