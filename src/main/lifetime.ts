/** How the server ends: once, by a signal or by whoever started it, and within a bounded time. */

import type { Log } from '../base/log.ts'

export type Stop = () => Promise<void>

export interface LifetimeParts {
  readonly stop: Stop
  /** SIGHUP: read the files again. */
  readonly reload: () => Promise<void>
  readonly log: Log
}

/** Installs the signals; a second SIGTERM or SIGINT ends the process at once. */
export function untilStopped({ stop, reload, log }: LifetimeParts) {
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  let stopping: Promise<void> | undefined
  const stopOnce = (): Promise<void> => {
    stopping ??= stop().then(
      () => {
        resolve(0)
      },
      (error: unknown) => {
        log.error('stop_failed', { name: nameOf(error) })
        resolve(1)
      },
    )
    return stopping
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1)
    log.info('stopping', { signal })
    void stopOnce()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  process.on('SIGHUP', () => {
    reload().catch((error: unknown) => {
      log.error('reload_failed', { name: nameOf(error) })
    })
  })
  endOnCrash(log)
  return { stop: stopOnce, closed }
}

/** A bug must not leave a half-dead proxy, and its message may quote what it was working on. */
export function endOnCrash(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.error('crashed', { name: nameOf(error), at: placeOf(error) })
    process.exit(1)
  })
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error)

/** The first line of the stack that names one of our files. */
function placeOf(error: Error): string | undefined {
  const frame = error.stack?.split('\n').find((line) => /^\s+at .*\.[jt]s:\d+/.test(line))
  return frame?.trim().replace(/file:\/\/.*\//, '')
}
