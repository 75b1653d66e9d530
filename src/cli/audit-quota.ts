/** How much of its disk quota the audit has used, and whether that is much. */

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../base/errors.ts'
import { byteWords } from './report-words.ts'

export interface QuotaUse {
  readonly bytes: number
  /** Absent: as much as there is. */
  readonly quotaBytes?: number | undefined
}

/** From here on the server warns too. */
const HIGH = 0.8

export function isQuotaHigh({ bytes, quotaBytes }: QuotaUse): boolean {
  return quotaBytes !== undefined && bytes >= quotaBytes * HIGH
}

/** "9.1 GiB of 10.0 GiB (91 %)", and what to do where it is much. */
export function quotaWords(use: QuotaUse): string {
  const { bytes, quotaBytes } = use
  if (quotaBytes === undefined) return byteWords(bytes)
  const percent = Math.floor((100 * bytes) / quotaBytes)
  const words = `${byteWords(bytes)} of ${byteWords(quotaBytes)} (${percent} %)`
  if (!isQuotaHigh(use)) return words
  return `${words}: nothing is forwarded once it is full; raise audit.quota or keep less (audit.retention)`
}

/** All files of the audit; one that goes meanwhile counts nothing. */
export function measureAudit(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  return files.reduce((sum, name) => sum + sizeOf(join(directory, name)), 0)
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path)
    return found.isFile() ? found.size : 0
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0
    throw error
  }
}
