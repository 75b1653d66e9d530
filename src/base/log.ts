/**
 * The operational log: what the process does, for whoever runs it. Not the audit.
 *
 * An event name in snake_case and plain fields; never a token, secret, header value, body or
 * query. main.ts gives a pino logger; tests give `silentLog` or one that collects.
 */

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

const nothing = () => undefined
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
