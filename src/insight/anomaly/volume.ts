/** Far more than usual: requests in a minute, bytes in a body, tokens in an hour. */

import type { Baseline } from './baseline.ts'
import type { Ended } from './deed.ts'
import { bytesInWords, excess, type Judged } from './judged.ts'
import { keepPeak, usualPeak } from './peaks.ts'
import { countIn } from './windows.ts'

const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS

/** How many times the usual is far above it. */
const FAR = 4
/** What is below is never far too much. */
const RATE_FLOOR = 60
const ISSUED_FLOOR = 20
/** For an operator or an orchestrator that issues for the first time. */
const ISSUED_AT_FIRST = 200
const PAYLOAD_FAR = 8
const PAYLOAD_FLOOR = 1024 * 1024

export function judgeRate(baseline: Baseline, at: number, isKnown: boolean): Judged | undefined {
  const count = countIn(baseline.minute, at, MINUTE_MS)
  keepPeak(baseline.perMinute, at, count)
  if (!isKnown || count < RATE_FLOOR) return undefined
  const usual = usualPeak(baseline.perMinute, at)
  if (count <= FAR * usual) return undefined
  const reason = `${count} requests in a minute; usually up to ${usual}`
  return { rule: 'unusual_rate', score: excess(count, usual), reason }
}

export function judgePayload(
  baseline: Baseline,
  { at, requestBytes, responseBytes }: Ended,
  isKnown: boolean,
): Judged | undefined {
  const sent = judgeBytes({ peaks: baseline.requestBytes, bytes: requestBytes, at, verb: 'sent' })
  const got = judgeBytes({ peaks: baseline.responseBytes, bytes: responseBytes, at, verb: 'got' })
  return isKnown ? (sent ?? got) : undefined
}

function judgeBytes(body: {
  readonly peaks: Baseline['requestBytes']
  readonly bytes: number
  readonly at: number
  readonly verb: string
}): Judged | undefined {
  const { peaks, bytes, at, verb } = body
  const isLarge = bytes >= PAYLOAD_FLOOR
  const usual = isLarge ? Math.max(usualPeak(peaks, at), peaks.today) : 0
  keepPeak(peaks, at, bytes)
  if (!isLarge || bytes <= PAYLOAD_FAR * usual) return undefined
  const reason = `${verb} ${bytesInWords(bytes)} in one request; usually up to ${bytesInWords(usual)}`
  return { rule: 'large_payload', score: excess(bytes, usual), reason }
}

export function judgeIssuing(baseline: Baseline, at: number, isKnown: boolean): Judged | undefined {
  const count = countIn(baseline.issued, at, HOUR_MS)
  keepPeak(baseline.issuedPerHour, at, count)
  if (count < (isKnown ? ISSUED_FLOOR : ISSUED_AT_FIRST)) return undefined
  const usual = usualPeak(baseline.issuedPerHour, at)
  if (count <= FAR * usual) return undefined
  const reason = `${count} tokens issued in an hour; usually up to ${usual}`
  return { rule: 'issuing_burst', score: excess(count, usual), reason }
}
