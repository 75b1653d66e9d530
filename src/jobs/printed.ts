/** A target that is this process's standard output: one line of JSON for each alert. */

import { err, ok } from '../base/result.ts'
import type { AlertTarget } from '../insight/alert-target.ts'
import { formatNotice } from './notice.ts'

/** Rejects when nobody reads any more. */
export type PrintLine = (line: string) => Promise<void>

export interface PrintedTarget extends Pick<AlertTarget, 'name' | 'wants'> {
  readonly print: PrintLine
  readonly timeoutMs: number
}

export function createPrinted({ name, wants, print, timeoutMs }: PrintedTarget): AlertTarget {
  return {
    name,
    wants,
    async deliver(notice, signal) {
      const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      try {
        await Promise.race([print(formatNotice(notice)), untilAborted(ending)])
        return ok(undefined)
      } catch {
        return err({ problem: 'nobody reads standard output' })
      }
    },
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => {
      reject(new Error('aborted'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
