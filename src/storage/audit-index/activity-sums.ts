/** Requests that were alike within an hour, counted: what reports ask, without reading rows. */

import type { IndexDatabase } from './database.ts'
import type { Ending } from './record-row.ts'

export const HOUR_MS = 3_600_000

export const hourOf = (time: number): number => Math.floor(time / HOUR_MS)

/** A request, as far as it is counted. */
export interface Counted {
  readonly time: number
  readonly agent: number
  readonly token: number
  readonly operation: number
  readonly source: string
}

interface Sum {
  readonly request: Counted
  count: number
  failed: number
  firstAt: number
  last: Counted
  requestBytes: number
  responseBytes: number
  inputTokens: number
  outputTokens: number
  readonly amounts: Map<string, number>
}

/** What a batch of lines adds. */
export class ActivitySums {
  readonly #sums = new Map<string, Sum>()

  addRequest(request: Counted): void {
    const sum = this.#sumOf(request)
    sum.count++
    sum.firstAt = Math.min(sum.firstAt, request.time)
    if (request.time >= sum.last.time) sum.last = request
  }

  addEnding(request: Counted, ending: Ending): void {
    const sum = this.#sumOf(request)
    if ((ending.status ?? 0) >= 400) sum.failed++
    sum.requestBytes += ending.requestBytes
    sum.responseBytes += ending.responseBytes
    sum.inputTokens += ending.inputTokens
    sum.outputTokens += ending.outputTokens
    if (ending.amount !== null && ending.currency !== null)
      sum.amounts.set(ending.currency, (sum.amounts.get(ending.currency) ?? 0) + ending.amount)
  }

  /** Within the transaction of the rows that were counted. */
  write(database: IndexDatabase): void {
    for (const sum of this.#sums.values()) writeSum(database, sum)
  }

  #sumOf(request: Counted): Sum {
    const { agent, time, token, operation } = request
    const key = `${agent} ${hourOf(time)} ${token} ${operation}`
    const known = this.#sums.get(key)
    if (known) return known
    const sum: Sum = {
      ...{ request, last: request, firstAt: time, count: 0, failed: 0, amounts: new Map() },
      ...{ requestBytes: 0, responseBytes: 0, inputTokens: 0, outputTokens: 0 },
    }
    this.#sums.set(key, sum)
    return sum
  }
}

function writeSum(database: IndexDatabase, sum: Sum): void {
  const { agent, time, token, operation } = sum.request
  const key = [agent, hourOf(time), token, operation]
  database.run(
    INSERT_ACTIVITY,
    ...key,
    ...[sum.count, sum.failed, sum.firstAt, sum.last.time, sum.last.source],
    ...[sum.requestBytes, sum.responseBytes, sum.inputTokens, sum.outputTokens],
  )
  for (const [currency, amount] of sum.amounts)
    database.run(INSERT_SPENDING, ...key, currency, amount)
}

const INSERT_ACTIVITY = `
INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  count = count + excluded.count,
  failed = failed + excluded.failed,
  first_at = min(first_at, excluded.first_at),
  last_source = iif(excluded.last_at > last_at, excluded.last_source, last_source),
  last_at = max(last_at, excluded.last_at),
  request_bytes = request_bytes + excluded.request_bytes,
  response_bytes = response_bytes + excluded.response_bytes,
  input_tokens = input_tokens + excluded.input_tokens,
  output_tokens = output_tokens + excluded.output_tokens`

const INSERT_SPENDING = `
INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount`

/** Counts an hour anew from the rows that are left of it. */
export function recount(database: IndexDatabase, hour: number): void {
  const bounds = [hour * HOUR_MS, (hour + 1) * HOUR_MS]
  database.run('DELETE FROM activity WHERE hour = ?', hour)
  database.run('DELETE FROM spending WHERE hour = ?', hour)
  database.run(`INSERT INTO activity ${sumsOfRows(String(hour))}`, ...bounds)
  database.run(`INSERT INTO spending ${amountsOfRows(String(hour))}`, ...bounds)
}

/** The value of `column` in the row whose instant is the last. */
export function lastOf(instant: string, column: string): string {
  return `substr(max(printf('%016d', ${instant}) || ${column}), 17)`
}

/** The columns of `activity` out of rows between two instants, under a number for the hour. */
export function sumsOfRows(hour: string): string {
  return `
SELECT agent, ${hour} AS hour, token, operation, count(*) AS count,
  count(*) FILTER (WHERE status >= 400) AS failed,
  min(time) AS first_at, max(time) AS last_at, ${lastOf('time', "coalesce(source, '')")} AS last_source,
  total_of(request_bytes) AS request_bytes, total_of(response_bytes) AS response_bytes,
  total_of(input_tokens) AS input_tokens, total_of(output_tokens) AS output_tokens
FROM record
WHERE time >= ? AND time < ? AND agent IS NOT NULL AND token IS NOT NULL
GROUP BY agent, token, operation`.replaceAll(/total_of\((\w+)\)/g, 'coalesce(sum($1), 0)')
}

/** The columns of `spending`, likewise. */
export function amountsOfRows(hour: string): string {
  return `
SELECT agent, ${hour} AS hour, token, operation, currency, sum(amount) AS amount
FROM record
WHERE time >= ? AND time < ? AND agent IS NOT NULL AND token IS NOT NULL AND currency IS NOT NULL
GROUP BY agent, token, operation, currency`
}
