/** Limits as an operator writes them: `--max-requests 1000`, `--rate 10/s`. */

import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { defined } from './defined.ts'
import type { Limits } from './grant.ts'

export interface LimitWords {
  readonly maxRequests?: string
  readonly rate?: string
}

const COUNT = /^[1-9]\d{0,11}$/
const RATE = /^(?<count>[1-9]\d{0,5})\/(?<unit>s|m|h)$/
const UNIT_SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
])

/** Reads both limits; the error is one sentence for the operator. */
export function parseLimits({ maxRequests, rate }: LimitWords): Result<Limits, string> {
  if (maxRequests !== undefined && !COUNT.test(maxRequests)) {
    return err('the largest number of requests must be a whole number above zero')
  }
  const ratePerSecond = rate === undefined ? undefined : parseRate(rate)
  if (rate !== undefined && ratePerSecond === undefined) {
    return err('a rate is a whole number per s, m or h, as 10/s')
  }
  const count = maxRequests === undefined ? undefined : Number(maxRequests)
  return ok(defined({ maxRequests: count, ratePerSecond }))
}

function parseRate(text: string): number | undefined {
  const { count, unit = '' } = RATE.exec(text)?.groups ?? {}
  const seconds = UNIT_SECONDS.get(unit)
  return count === undefined || seconds === undefined ? undefined : Number(count) / seconds
}

/** What is wrong with limits that arrived as numbers; undefined when they are fine. */
export function limitsProblem({ maxRequests, ratePerSecond }: Limits): string | undefined {
  if (maxRequests !== undefined && !(Number.isSafeInteger(maxRequests) && maxRequests > 0)) {
    return 'maxRequests must be a whole number above zero'
  }
  if (ratePerSecond !== undefined && !(Number.isFinite(ratePerSecond) && ratePerSecond > 0)) {
    return 'ratePerSecond must be a number above zero'
  }
  return undefined
}
