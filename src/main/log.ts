/** The operational log as JSON lines on standard error, so that standard output stays a command's. */

import { pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'
import { createLogOutput } from './log-output.ts'

export interface LogRequest {
  readonly isVerbose: boolean
  /** The worker that writes; absent: the server itself. */
  readonly worker?: string
}

const STDERR = 2

export function createLog({ isVerbose, worker }: LogRequest): Log {
  const options = {
    level: isVerbose ? 'debug' : 'info',
    base: worker === undefined ? null : { worker },
    messageKey: 'event',
  }
  // Whatever else writes there must not end the process either. A pipe no longer waits from here on.
  process.stderr.on('error', () => undefined)
  const output = createLogOutput({ fd: STDERR, wordLoss: lossInWords(options) })
  const lines = pino(options, output)
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields) => {
      lines[level](fields ?? {}, event)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** In the form of all other lines. */
function lossInWords(options: pino.LoggerOptions): (lines: number) => string {
  return (lost) => {
    let text = ''
    const write = (line: string) => (text += line)
    pino(options, { write }).warn({ lines: lost }, 'log_lines_lost')
    return text
  }
}
