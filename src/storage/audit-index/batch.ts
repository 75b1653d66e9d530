/** Some lines of the journal on their way into the index: all of them, or none. */

import type { AuditRecord } from '../../audit/audit-reader.ts'
import { ActivitySums, type Counted } from './activity-sums.ts'
import type { IndexDatabase } from './database.ts'
import type { OpenRequests, RequestKey } from './open-requests.ts'
import {
  agentOf,
  endingOf,
  operationOf,
  requestNumber,
  sourceOf,
  textOf,
  textsOf,
  type Ending,
} from './record-row.ts'
import type { TailLine } from './segment-tail.ts'
import type { Terms } from './terms.ts'

/** A line, parsed, with where it lies. */
export interface Placed {
  readonly line: Pick<TailLine, 'offset' | 'glance'>
  readonly length: number
  readonly record: AuditRecord
  readonly writer: number
  readonly segment: number
}

interface End {
  readonly placed: Placed
  readonly ending: Ending
}

/** A row that is not written yet: its ending may still come by. */
interface NewRow {
  readonly placed: Placed
  readonly time: number
  readonly request: Counted | undefined
  end: End | undefined
}

export interface BatchParts {
  readonly database: IndexDatabase
  readonly terms: Terms
  readonly open: OpenRequests
}

export class Batch {
  readonly #database: IndexDatabase
  readonly #terms: Terms
  readonly #open: OpenRequests
  readonly #sums = new ActivitySums()
  readonly #rows: NewRow[] = []
  readonly #intents = new Map<string, NewRow>()

  constructor({ database, terms, open }: BatchParts) {
    this.#database = database
    this.#terms = terms
    this.#open = open
  }

  add(placed: Placed): void {
    const { kind } = placed.line.glance
    if (kind === 'segment') return
    if (kind === 'outcome') this.#end(placed)
    else this.#begin(placed)
  }

  /** Returns how many rows are new. */
  write(): number {
    for (const row of this.#rows) this.#insert(row)
    this.#sums.write(this.#database)
    return this.#rows.length
  }

  #begin(placed: Placed): void {
    const { glance } = placed.line
    const time = Date.parse(glance.time)
    const request = this.#countedOf(placed.record, time)
    this.#learnToken(placed.record)
    const row: NewRow = { placed, time, request, end: undefined }
    this.#rows.push(row)
    if (request) this.#sums.addRequest(request)
    if (glance.kind !== 'intent' || glance.requestId === undefined || !request) return
    this.#intents.set(glance.requestId, row)
    this.#open.add(glance.requestId, { ...request, writer: placed.writer, seq: glance.sequence })
  }

  #end(placed: Placed): void {
    const { requestId } = placed.line.glance
    if (requestId === undefined) return
    const ending = endingOf(placed.record)
    const row = this.#intents.get(requestId)
    const request = this.#open.take(requestId, placed.writer)
    if (!request) return
    this.#sums.addEnding(request, ending)
    if (row) row.end = { placed, ending }
    else this.#update(request, { placed, ending })
  }

  #countedOf(record: AuditRecord, time: number): Counted | undefined {
    const [agentName, tokenId, operation] = [
      textOf(record.agent),
      textOf(record.tokenId),
      operationOf(record),
    ]
    if (agentName === null || tokenId === null || operation === undefined) return undefined
    const agent = this.#terms.idOf(agentName)
    return {
      ...{ time, agent, source: sourceOf(record) ?? '' },
      token: this.#terms.tokenOf(tokenId, agent),
      operation: this.#terms.operationOf(operation),
    }
  }

  /** Whose a token is: it may never call, and still have others below it. */
  #learnToken({ action, result, target, details }: AuditRecord): void {
    if (action !== 'token.issue' || result !== 'done') return
    const [tokenId, agent] = [textOf(target), agentOf(details)]
    if (tokenId !== null && agent !== null) this.#terms.tokenOf(tokenId, this.#terms.idOf(agent))
  }

  #insert({ placed, time, request, end }: NewRow): void {
    const { record, line, writer, segment, length } = placed
    const { requestId, sequence } = line.glance
    this.#database.run(
      INSERT,
      ...[time, writer, sequence, segment, line.offset, length],
      ...placeOf(end),
      requestId === undefined ? null : requestNumber(requestId),
      ...(request ? [request.agent, request.token] : [null, null]),
      ...[this.#termOf(record.sessionId), this.#chainOf(record)],
      ...[this.#termOf(record.service), request?.operation ?? this.#operationOf(record)],
      ...[this.#termOf(record.operator), this.#termOf(record.action)],
      ...[textOf(record.path), sourceOf(record), failedOf(record, end?.ending)],
      ...valuesOf(end?.ending),
    )
  }

  #update({ time, writer, seq }: RequestKey, end: End): void {
    const values = [...valuesOf(end.ending), isFailure(end.ending) ? 1 : null]
    this.#database.run(UPDATE, ...placeOf(end), ...values, time, writer, seq)
  }

  #termOf(value: unknown): number | null {
    const text = textOf(value)
    return text === null ? null : this.#terms.idOf(text)
  }

  #chainOf(record: AuditRecord): number | null {
    const ancestors = textsOf(record.chain)
    return ancestors.length === 0 ? null : this.#terms.chainOf(ancestors)
  }

  #operationOf(record: AuditRecord): number | null {
    const operation = operationOf(record)
    return operation === undefined ? null : this.#terms.operationOf(operation)
  }
}

const INSERT = `INSERT OR REPLACE INTO record VALUES (${Array.from({ length: 28 }, () => '?').join(', ')})`

const UPDATE = `
UPDATE record SET end_segment = ?, end_offset = ?, end_length = ?, status = ?, request_bytes = ?,
  response_bytes = ?, input_tokens = ?, output_tokens = ?, amount = ?, currency = ?, failed = ?
WHERE time = ? AND writer = ? AND seq = ?`

const isFailure = ({ status }: Ending): boolean => (status ?? 0) >= 400

function failedOf({ decision }: AuditRecord, ending: Ending | undefined): 1 | null {
  return decision === 'deny' || (ending && isFailure(ending)) ? 1 : null
}

function placeOf(end: End | undefined) {
  if (!end) return [null, null, null] as const
  return [end.placed.segment, end.placed.line.offset, end.placed.length] as const
}

function valuesOf(ending: Ending | undefined) {
  if (!ending) return NOTHING
  const { status, requestBytes, responseBytes, inputTokens, outputTokens } = ending
  const { amount, currency } = ending
  return [status, requestBytes, responseBytes, inputTokens, outputTokens, amount, currency] as const
}

const NOTHING = [null, null, null, null, null, null, null] as const
