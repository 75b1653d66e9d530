/** A month of the audit as the product writes it, but all at once: what reading it is measured with. */

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createLineFormat, numbered } from '../src/audit/record.ts'
import type { Grant } from '../src/policy/grant.ts'
import { segmentPath } from '../src/storage/journal/segment.ts'
import { anIntent, anOutcome, aRefusal, AUDIT_KEY } from '../test/support/audit.ts'
import { aGrant, anAccess } from '../test/support/grants.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
export const DAYS = 30
export const AGENTS = 30
export const START = Date.UTC(2026, 2, 1)

const SEGMENT_BYTES = 32 * 1024 * 1024
const BUFFERED = 1_000_000

/** Operations as agents use them: few, and unevenly. */
const OPERATIONS = Array.from({ length: 20 }, (_, index) => ({
  service: ['stripe', 'openai', 'github', 'slack'][index % 4] ?? '',
  method: ['GET', 'POST', 'GET', 'PATCH'][index % 4] ?? '',
  rule: `/v1/things-${index}/{id}`,
  path: `/v1/things-${index}/`,
}))

export interface WrittenMonth {
  readonly lines: number
  readonly bytes: number
}

export const requestIdOf = (row: number): string =>
  `req_${(row * 2_654_435_761).toString(16).padStart(32, '0')}`

/** `rows` requests and refusals, evenly over the month, by a writer of that name. */
export function writeMonth(directory: string, rows: number, writer = 'local'): WrittenMonth {
  const format = createLineFormat({
    ...{ writer, environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
  })
  const segments = new Segments(join(directory, writer))
  const grants = new Map<string, Grant>()
  for (let row = 0; row < rows; row++) {
    const time = START + Math.floor((row / rows) * DAYS * DAY_MS)
    const number = (row * 7919) % AGENTS
    const grant = grantOf(grants, number, time)
    const access = accessOf(row, number, time)
    const { requestId } = access
    if (row % 50 === 7) {
      segments.write(format.refusal(aRefusal({ requestId, at: time, grant, access }), time))
      continue
    }
    const intent = anIntent({ grant, access, userAgent: 'Stripe/v1 NodeBindings/23.1.0' })
    segments.write(format.intent(intent, time))
    const status = row % 90 === 5 ? 500 : 200
    segments.write(format.outcome(anOutcome({ requestId, status }), time + 90))
  }
  return segments.finish()
}

/** A token for each agent and hour. */
function grantOf(grants: Map<string, Grant>, number: number, time: number): Grant {
  const hour = String(Math.floor(time / HOUR_MS)).padStart(16, '0')
  const id = `tok_${String(number).padStart(4, '0')}${hour}`
  const known = grants.get(id)
  if (known) return known
  if (grants.size > 1000) grants.clear()
  const grant = aGrant({ id, agent: `agent-${number}` })
  grants.set(id, grant)
  return grant
}

function accessOf(row: number, number: number, receivedAt: number) {
  const { service, method, rule, path } = OPERATIONS[Math.floor(((row * 104_729) % 400) ** 0.5)]!
  return anAccess({
    ...{ requestId: requestIdOf(row), service, method, receivedAt },
    rule: `${method} ${rule}`,
    path: `${path}cus_NffrFeUfNV${String(row % 9000).padStart(4, '0')}`,
    source: `10.0.${number}.${row % 50}`,
  })
}

class Segments {
  readonly #directory: string
  #file: number
  #waiting = ''
  #inSegment = 0
  #lines = 0
  #bytes = 0

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#directory = directory
    this.#file = this.#open()
  }

  write(line: string): void {
    const whole = numbered(++this.#lines, line)
    this.#inSegment += whole.length
    this.#waiting += whole
    if (this.#waiting.length > BUFFERED) this.#flush()
    if (this.#inSegment < SEGMENT_BYTES) return
    this.#flush()
    closeSync(this.#file)
    this.#file = this.#open()
    this.#inSegment = 0
  }

  finish(): WrittenMonth {
    this.#flush()
    closeSync(this.#file)
    return { lines: this.#lines, bytes: this.#bytes }
  }

  #open(): number {
    return openSync(segmentPath(this.#directory, this.#lines + 1), 'w', 0o600)
  }

  #flush(): void {
    this.#bytes += writeSync(this.#file, this.#waiting)
    this.#waiting = ''
  }
}
