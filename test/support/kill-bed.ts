/**
 * Where proxies are killed: an upstream that remembers every request of which it saw the first line,
 * agents that never stop asking, and a journal that is opened again after each end.
 */

import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, request, type ClientRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { startChild, type Child } from './child.ts'
import { createTestJournal } from './journal.ts'
import type { KillPoint } from './kill-points.ts'
import type { KillOrders, KillTarget } from './kill-target.ts'
import { openService } from './open-service.ts'
import { createAuthority, LOOPBACK_NAMES } from './pki.ts'
import { createRequestReader } from './request-reader.ts'
import { createTemporaryDirectory } from './temporary.ts'
import { createWaiting } from './waiting.ts'

export interface Kill {
  readonly point: KillPoint
  /** How often the point was reached when the process died. */
  readonly nth: number
  readonly auditsBeforeResponse: boolean
}

/** What is left of a proxy, by the numbers of requests. */
export interface Remains {
  /** How it ended: SIGKILL, if the point was ever reached. */
  readonly signal: NodeJS.Signals | null
  /** The upstream saw these. */
  readonly seen: readonly number[]
  /** Agents got at least the head of an answer to these. */
  readonly answered: readonly number[]
  /** These have an intent in the journal, once it was opened again. */
  readonly recorded: ReadonlySet<number>
  /** Intents that do not have exactly one outcome. */
  readonly unclosed: number
  /** Places where the numbers of the records do not go on. */
  readonly gaps: number
}

export interface KillBed {
  kill(order: Kill): Promise<Remains>
  close(): Promise<void>
}

const DEADLINE_MS = 20_000

export async function openKillBed(): Promise<KillBed> {
  const directory = createTemporaryDirectory()
  mkdirSync(join(directory.path, 'services'))
  directory.write(join('services', 'drill.yaml'), openService('drill'))
  const upstream = await startRecorder()
  const { privateKey } = generateKeyPairSync('ed25519')
  const signingKey = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const { origin, ca } = upstream

  return {
    async kill(kill) {
      const root = mkdtempSync(join(directory.path, 'kill-'))
      const audit = join(root, 'audit')
      const orders = { ...kill, directory: directory.path, audit, origin, ca, signingKey }
      const child = startChild('kill-target.ts', JSON.stringify(orders satisfies KillOrders))
      const agents = await callUntilItEnds(child)
      await upstream.quiet()
      const seen = agents.asked.filter((number) => upstream.seen.has(number))
      const { signalCode: signal } = child.process
      const left = await reopen(root)
      rmSync(root, { recursive: true })
      return { signal, seen, answered: agents.answered, ...left }
    },
    async close() {
      await upstream.close()
      directory.remove()
    },
  }
}

let lastNumber = 0

/** One caller for each token, each with the next request as soon as the last one was answered. */
async function callUntilItEnds(child: Child) {
  const asked: number[] = []
  const answered: number[] = []
  await child.waitForLines(1)
  const [line = '{"port":0,"tokens":[]}'] = child.lines()
  const { port, tokens } = JSON.parse(line) as KillTarget
  const agent = new Agent({ keepAlive: true })
  const deadline = setTimeout(() => child.process.kill('SIGTERM'), DEADLINE_MS)
  const isAlive = () => child.process.exitCode === null && child.process.signalCode === null
  const callers = tokens.map(async (token) => {
    while (isAlive()) {
      const number = ++lastNumber
      asked.push(number)
      const headers = { authorization: `Bearer ${token}` }
      const isEven = number % 2 === 0
      const place = { port, agent, path: `/v1/things?limit=${number}`, headers }
      const call = request({ ...place, method: isEven ? 'POST' : 'GET' })
      if (isEven) sendBody(call)
      else call.end()
      if (!(await untilAnswered(call, () => answered.push(number)))) return
    }
  })
  await Promise.all(callers)
  if (isAlive()) await new Promise((resolve) => child.process.once('close', resolve))
  clearTimeout(deadline)
  agent.destroy()
  return { asked, answered }
}

/** In two pieces, so that one of them comes behind the head. */
function sendBody(call: ClientRequest): void {
  call.write('first half, ')
  setImmediate(() => call.end('second half'))
}

/** False when the connection broke before the end. */
function untilAnswered(call: ClientRequest, onHead: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const lost = () => {
      resolve(false)
    }
    call.once('error', lost)
    call.once('response', (answer) => {
      onHead()
      answer.on('error', lost).on('aborted', lost)
      answer.resume().once('end', () => {
        resolve(answer.complete)
      })
    })
  })
}

/** The next start: it must find everything sound, and close what was left open. */
async function reopen(root: string): Promise<Pick<Remains, 'recorded' | 'unclosed' | 'gaps'>> {
  const journal = createTestJournal({ path: root, write: noFile, remove: () => undefined })
  await (await journal.open()).close()
  const records = journal.records()
  await journal.remove()
  const outcomes = new Map<string, number>()
  const recorded = new Set<number>()
  let gaps = 0
  for (const [index, record] of records.entries()) {
    gaps += Number(record.seq !== index + 1)
    if (record.kind === 'outcome') count(outcomes, String(record.requestId))
    if (record.kind === 'intent') recorded.add(numberOf(record.parameters))
  }
  const intents = records.filter(({ kind }) => kind === 'intent')
  const unclosed = intents.filter(({ requestId }) => outcomes.get(String(requestId)) !== 1).length
  return { recorded, unclosed, gaps }
}

function noFile(): never {
  throw new Error('nothing is written here')
}

function count(outcomes: Map<string, number>, requestId: string): void {
  outcomes.set(requestId, (outcomes.get(requestId) ?? 0) + 1)
}

function numberOf(parameters: unknown): number {
  return Number((parameters as { readonly query?: { readonly limit?: string } }).query?.limit)
}

const ANSWERS_PER_CONNECTION = 4

async function startRecorder() {
  const authority = createAuthority()
  const seen = new Set<number>()
  const open = new Set<TLSSocket>()
  const { ask, until } = createWaiting()
  const server = createServer(
    { ...authority.issue({ names: LOOPBACK_NAMES }), ALPNProtocols: ['http/1.1'], noDelay: true },
    (socket) => {
      const reader = createRequestReader()
      let text = ''
      let answers = 0
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        ask()
      })
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1')
        for (const [, number] of text.matchAll(/\?limit=(\d+) /g)) seen.add(Number(number))
        reader.read(bytes).forEach(() => {
          sendAnswer(socket, ++answers === ANSWERS_PER_CONNECTION)
        })
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    seen,
    ca: authority.certificate,
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Everything that its last caller sent has come. */
    quiet: () => until(() => open.size === 0),
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** In two pieces. The last one of a connection says so, that the next one be dialled. */
function sendAnswer(socket: TLSSocket, isLast: boolean): void {
  const connection = isLast ? 'Connection: close\r\n' : ''
  socket.write(`HTTP/1.1 200 OK\r\n${connection}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`)
  setImmediate(() => {
    socket.write('6\r\nsecond\r\n0\r\n\r\n')
    if (isLast) socket.end()
  })
}
