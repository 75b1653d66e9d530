/** The operational log as JSON lines on standard error, so that standard output stays a command's. */

import { pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'

export function createLog({ isVerbose }: { readonly isVerbose: boolean }): Log {
  const lines = pino(
    { level: isVerbose ? 'debug' : 'info', base: null, messageKey: 'event' },
    pino.destination({ fd: 2, sync: true }),
  )
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') => (event: string, fields?: LogFields) => {
      lines[level](fields ?? {}, event)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
