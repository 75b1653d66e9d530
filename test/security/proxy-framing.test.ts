/**
 * Hostile framing against the running data plane, cut in every way: one request in, at most one
 * request out, and the same answer however the bytes arrive.
 */

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts'
import { converse, inBytes, inLines } from '../support/conversation.ts'
import { readCorpus, type Row } from '../support/corpora.ts'
import { REAL_KEY, startPlane, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'

/** Well framed, and refused on purpose, before anything goes upstream. */
const STRICTER = [
  ['a chunk extension', /^[0-9a-f]+;/im, '400'],
  ['a method that no rule allows', /^OPTIONS /, '405'],
  ['quotes in a path', /^GET \/with_"quotes"/, '400'],
] as const

/** The longest heads would take longer than a head may; their ends come in one piece. */
const MAX_CUT_BYTES = 2_000

const bytewise = (bytes: Buffer): Buffer[] => [
  ...inBytes(bytes.subarray(0, MAX_CUT_BYTES)),
  ...(bytes.length > MAX_CUT_BYTES ? [bytes.subarray(MAX_CUT_BYTES)] : []),
]

const CUTS = { whole: (bytes: Buffer) => [bytes], 'one byte each': bytewise, lines: inLines }

/** Each has an upstream of its own, so that cases can run side by side. */
let planes: TestPlane[]

beforeAll(async () => {
  const times = { headTimeoutMs: 4_000, bodyIdleTimeoutMs: 1_500, idleConnectionMs: 400 }
  const wire = { ...DEFAULT_LIMITS.wire, ...times, drainMs: 100 }
  const start = async (): Promise<TestPlane> => {
    const plane = await startPlane({
      services: ['anything'],
      serviceFiles: { 'anything.yaml': openService('anything') },
      listeners: [{ host: '127.0.0.1', port: 0, service: 'anything' }],
      limits: { wire },
    })
    plane.credentials.set('anything', { secret: REAL_KEY })
    return plane
  }
  planes = await Promise.all(Array.from({ length: 8 }, start))
})

afterAll(() => Promise.all(planes.map((plane) => plane.stop())))

/** Sends them one after the other, each as a packet of its own; the final statuses that came back. */
async function converseRaw(port: number, segments: readonly Buffer[]): Promise<string> {
  const received: Buffer[] = []
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.on('error', () => undefined) // what could not be sent any more was refused before
  const closed = new Promise((resolve) => socket.on('close', resolve))
  for (const segment of segments) {
    if (!socket.writable) break
    socket.write(segment)
    if (segments.length > 1) await new Promise(setImmediate)
  }
  await closed
  const text = Buffer.concat(received).toString('latin1')
  return [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => status).join(' ')
}

function bytesOf(row: Row, token: string): Buffer {
  const text = Buffer.from(row['raw_b64'] as string, 'base64').toString('latin1')
  const raw = text.replaceAll('__HOST__', 'localhost').replaceAll('__TOKEN__', token)
  return Buffer.from(raw, 'latin1')
}

interface Outcome {
  readonly statuses: string
  readonly problem: string | undefined
}

async function runCase(
  plane: TestPlane,
  row: Row,
  cut: (bytes: Buffer) => Buffer[],
): Promise<Outcome> {
  plane.upstream.forget()
  plane.audit.intents.length = 0
  const token = plane.issue({ scope: 'anything:all' })
  const bytes = bytesOf(row, token)
  const statuses = await converseRaw(plane.port, cut(bytes))
  return { statuses, problem: problemOf(plane, row, { bytes, statuses, token }) }
}

interface Seen {
  readonly bytes: Buffer
  readonly statuses: string
  readonly token: string
}

function problemOf(plane: TestPlane, row: Row, seen: Seen): string | undefined {
  const { requests } = plane.upstream
  if (requests.length > (row['max_upstream'] as number)) return `${requests.length} went through`
  if (plane.upstream.count(seen.token) > 0) return 'the token went through'
  for (const { head } of requests) {
    const keys = head.toString('latin1').split(REAL_KEY).length - 1
    if (keys !== 1) return `a request has the credential ${keys} times`
  }
  // An admitted request may lose its body on the way, and was recorded all the same.
  const lost = plane.audit.intents.length - requests.length
  const isWhole = ['between', 'closed'].includes(converse([seen.bytes]).end)
  if (lost < 0 || lost > (isWhole ? 0 : 1)) return `${lost} intents more than requests`
  return verdictProblem(row, seen, requests.length)
}

function verdictProblem(row: Row, { bytes, statuses }: Seen, count: number): string | undefined {
  if (row['expected'] === 'reject' && (statuses.includes('2') || count > 0))
    return `it was answered ${statuses}`
  return row['expected'] === 'accept' ? acceptanceProblem(bytes, statuses, count) : undefined
}

function acceptanceProblem(bytes: Buffer, statuses: string, count: number): string | undefined {
  const text = bytes.toString('latin1')
  const [, , refusal] = STRICTER.find(([, pattern]) => pattern.test(text)) ?? []
  if (refusal !== undefined)
    return statuses === refusal && count === 0 ? undefined : `strictly answered ${statuses}`
  return statuses.startsWith('200') && count > 0 ? undefined : `accepted, and answered ${statuses}`
}

/** Runs every row with every cut that applies to it, on all planes at once. */
async function runAll(
  rows: readonly Row[],
  cutsOf: (index: number) => readonly (keyof typeof CUTS)[],
): Promise<string[]> {
  const queue = [...rows.entries()]
  const broken: string[] = []
  const worker = async (plane: TestPlane): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, row] = next
      const statuses = new Set<string>()
      for (const cut of cutsOf(index)) {
        const outcome = await runCase(plane, row, CUTS[cut])
        statuses.add(outcome.statuses)
        const { problem } = outcome
        if (problem !== undefined) broken.push(`${String(row['name'])}, ${cut}: ${problem}`)
      }
      if (statuses.size > 1) broken.push(`${String(row['name'])}: ${[...statuses].join(' or ')}`)
    }
  }
  await Promise.all(planes.map(worker))
  return broken
}

const smuggling = readCorpus('http/http1-smuggling')
const mutations = readCorpus('http/http1-te-mutations')

describe('framing', () => {
  it.skipIf(!smuggling)(
    'HF-01 to HF-08: of http1-smuggling no more requests go through than may, whole, in bytes and in lines',
    async () => {
      expect(await runAll(smuggling ?? [], () => ['whole', 'one byte each', 'lines'])).toEqual([])
    },
    120_000,
  )

  it.skipIf(!mutations)(
    'HF-02: of http1-te-mutations no request goes through, whole, in lines, and every tenth in bytes',
    async () => {
      const cutsOf = (index: number): readonly (keyof typeof CUTS)[] =>
        index % 10 === 0 ? ['whole', 'lines', 'one byte each'] : ['whole', 'lines']
      expect(await runAll(mutations ?? [], cutsOf)).toEqual([])
    },
    120_000,
  )

  it.skipIf(!mutations)(
    'HF-02: of http1-te-mutations the parser alone makes the same in bytes as whole',
    () => {
      const differing = (mutations ?? []).filter((row) => {
        const bytes = bytesOf(row, 'token')
        const [whole, cut] = [converse([Buffer.from(bytes)]), converse(inBytes(bytes))]
        return whole.end !== cut.end || whole.requests.length !== cut.requests.length
      })
      expect(differing.map(({ name }) => name)).toEqual([])
    },
  )
})
