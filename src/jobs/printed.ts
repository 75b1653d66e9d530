/** A target that is this process's standard output: one line of JSON for each alert. */

import { err, ok } from '../base/result.ts'
import type { AlertTarget } from '../insight/alert-target.ts'
import { formatNotice } from './notice.ts'

/** Rejects when nobody reads any more. */
export type PrintLine = (line: string) => Promise<void>

export function createPrinted(
  { name, wants }: Pick<AlertTarget, 'name' | 'wants'>,
  print: PrintLine,
): AlertTarget {
  return {
    name,
    wants,
    async deliver(notice) {
      try {
        await print(formatNotice(notice))
        return ok(undefined)
      } catch {
        return err({ problem: 'nobody reads standard output' })
      }
    },
  }
}
