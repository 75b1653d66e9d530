/** The operational log as JSON lines on standard error, so that standard output stays a command's. */

import { pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'

export interface LogRequest {
  readonly isVerbose: boolean
  /** The worker that writes; absent: the server itself. */
  readonly worker?: string
}

export function createLog({ isVerbose, worker }: LogRequest): Log {
  const lines = pino(
    {
      level: isVerbose ? 'debug' : 'info',
      base: worker === undefined ? null : { worker },
      messageKey: 'event',
    },
    pino.destination({ fd: 2, sync: true }),
  )
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields) => {
      lines[level](fields ?? {}, event)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
