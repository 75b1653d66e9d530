/** How a command is declared: its words for commander, its options as one schema, what it does. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { Session } from './session.ts'
import type { Terminal } from './terminal.ts'
import { createWitness } from './witness.ts'

const sharedSchema = z.object({
  config: z.string().optional(),
  stateDir: z.string().optional(),
  env: z.string().optional(),
  json: z.boolean().optional(),
  yes: z.boolean().optional(),
  verbose: z.boolean().optional(),
})

export interface Call<O> {
  readonly session: Session
  readonly options: O
  readonly args: readonly string[]
}

/** Adds the options that every command has; they may stand anywhere on the line. */
export function addSharedOptions(program: Command): Command {
  return program
    .option('--config <file>', 'the configuration (default: ./apistronghold.yaml)')
    .option('--state-dir <dir>', 'the state directory, instead of the configured one')
    .option('--env <name>', 'the environment (default: default_env of the configuration)')
    .option('--json', 'answer in JSON')
    .option('--yes', 'accept defaults, ask nothing')
    .option('--verbose', 'say more about what went wrong')
}

/** Connects a commander command with its options and what it does; commander has checked its form. */
export type Runner = <S extends z.ZodType>(
  command: Command,
  options: S,
  act: (call: Call<z.output<S>>) => Promise<void>,
) => void

export function createRunner(terminal: Terminal): Runner {
  return (command, options, act) => {
    command.action(async () => {
      const shared = sharedSchema.parse(command.optsWithGlobals())
      const witness = createWitness(terminal, shared)
      const session = { terminal, shared, witness }
      try {
        await act({ session, options: options.parse(command.opts()), args: command.args })
      } finally {
        await witness.settle()
      }
    })
  }
}

/** For options that may be given several times. */
export function collect(value: string, former: readonly string[] = []): string[] {
  return [...former, value]
}
