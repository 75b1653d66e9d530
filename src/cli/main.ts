/** The command line: arguments in, exit code out. Every ending passes through here. */

import { createProgram } from './program.ts'
import { endingOf, EXIT, stackOf } from './failure.ts'
import { refuseSecretArguments } from './secret-input.ts'
import { createTerminal, type Terminal } from './terminal.ts'

/** Runs one command and sets the process's exit code; never throws. */
export async function main(args: readonly string[]): Promise<void> {
  // Whatever is created from here on is the owner's alone, side files of databases included.
  process.umask(0o077)
  process.exitCode = await run(args, createTerminal())
}

/** As `main`, with a terminal of the caller's. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    refuseSecretArguments(args)
    await createProgram(terminal).parseAsync(args, { from: 'user' })
    return EXIT.done
  } catch (error) {
    return report(error, args, terminal)
  }
}

function report(error: unknown, args: readonly string[], terminal: Terminal): number {
  const { exitCode, code, message } = endingOf(error)
  if (message !== '') {
    const words = args.includes('--json')
      ? JSON.stringify({ error: { code, message } })
      : `${terminal.colors.red('error:')} ${message}`
    terminal.note(words)
  }
  if (args.includes('--verbose') && exitCode !== 0) terminal.note(stackOf(error))
  return exitCode
}
