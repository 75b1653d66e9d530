/** Every command, by its part of the tree. */

import { Command } from 'commander'
import { registerAgent } from './agent.ts'
import { registerAlert } from './alert.ts'
import { registerAudit } from './audit.ts'
import { addSharedOptions, createRunner } from './command.ts'
import { registerCompletion } from './completion.ts'
import { registerDoctor } from './doctor.ts'
import { registerInit } from './init.ts'
import { registerLogin } from './login.ts'
import { registerLogs } from './logs.ts'
import { registerOperator } from './operator.ts'
import { registerReport } from './report.ts'
import { registerSecret } from './secret.ts'
import { registerServe } from './serve.ts'
import { registerService } from './service.ts'
import { registerStart } from './start.ts'
import { registerStatus } from './status.ts'
import { registerStop } from './stop.ts'
import type { Terminal } from './terminal.ts'
import { registerToken } from './token.ts'
import { VERSION } from '../config/version.ts'

const REGISTRATIONS = [
  registerInit,
  registerStart,
  registerStop,
  registerStatus,
  registerLogs,
  registerServe,
  registerToken,
  registerAgent,
  registerSecret,
  registerService,
  registerOperator,
  registerAudit,
  registerAlert,
  registerReport,
  registerLogin,
  registerDoctor,
  registerCompletion,
]

export function createProgram(terminal: Terminal): Command {
  const program = new Command('apistronghold')
    .description('Agents hold phantom tokens; the proxy holds the keys.')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        terminal.print(text.trimEnd())
      },
      writeErr: (text) => {
        terminal.note(text.trimEnd())
      },
    })
  addSharedOptions(program)
  const runs = createRunner(terminal)
  for (const register of REGISTRATIONS) register(program, runs)
  return program
}
