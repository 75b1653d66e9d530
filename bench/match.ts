/**
 * How long finding an operation takes: each built-in service, and one with 1,000 operations beside
 * a linear scan of the same rules. The budget is one microsecond (DESIGN 12).
 *
 *     node bench/match.ts
 */

import { compileCatalog } from '../src/catalog/compile.ts'
import { loadCatalog } from '../src/catalog-files.ts'
import type { Catalog, Facts, Target } from '../src/catalog/catalog.ts'
import { parseMatchLine, patternMatches, type PathPattern } from '../src/catalog/path.ts'
import type { Service } from '../src/catalog/service.ts'
import { parseTarget } from '../src/catalog/target.ts'

const WORDS = ['users', 'orders', 'invoices', 'items', 'files', 'events', 'plans', 'teams']

/** 1,000 patterns over two levels of names, in the shape of a REST API. */
function thousandLines(): string[] {
  const lines: string[] = []
  for (let index = 0; lines.length < 1000; index += 1) {
    const outer = `${WORDS[index % 8] ?? ''}${Math.floor(index / 8)}`
    const inner = WORDS[(index * 3) % 8] ?? ''
    lines.push(
      `GET /v1/${outer}`,
      `POST /v1/${outer}`,
      `GET /v1/${outer}/*`,
      `DELETE /v1/${outer}/*`,
      `GET /v1/${outer}/*/${inner}/**`,
    )
  }
  return lines
}

function catalogOf(lines: readonly string[]): Catalog {
  const text = `schema: 1
id: bench
name: Bench
category: other
hosts: [{host: api.example.com, role: api}]
auth: {accept: [{in: header, name: authorization, scheme: bearer}], inject: [], credential: {type: api_key}}
scopes: {read: {risk: read, title: Read}}
rules:
  - {scope: read, match: ${JSON.stringify(lines)}}
`
  const compiled = compileCatalog([{ path: 'bench.yaml', text }], new Map())
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error[0]))
  return compiled.value
}

interface Request {
  readonly method: string
  readonly host: string
  readonly target: Target
}

function requestFor(line: string, host: string): Request {
  const [method = '', pattern = ''] = line.split(' ')
  const parsed = parseTarget(pattern.replace('**', 'a/b').replaceAll('*', 'x1'), {
    allowEncodedSlash: false,
  })
  if (!parsed.ok) throw new Error(parsed.error.problem)
  return { method, host, target: parsed.value }
}

/** Nanoseconds per call of `work`, the best of several rounds. */
function nanoseconds(requests: readonly Request[], work: (request: Request) => void): number {
  let best = Infinity
  for (let round = 0; round < 7; round += 1) {
    const calls = 200_000
    const from = process.hrtime.bigint()
    for (let index = 0; index < calls; index += 1) {
      const request = requests[index % requests.length]
      if (request) work(request)
    }
    best = Math.min(best, Number(process.hrtime.bigint() - from) / calls)
  }
  return best
}

function matchTime(catalog: Catalog, service: Service, requests: readonly Request[]): number {
  return nanoseconds(requests, (request) => {
    catalog.match(service, request)
  })
}

const lines = thousandLines()
const bench = catalogOf(lines)
const benchService = bench.services.get('bench')
if (!benchService) throw new Error('no service')
const requests = lines.map((line) => requestFor(line, 'api.example.com'))

const patterns: PathPattern[] = lines.flatMap((line) => {
  const parsed = parseMatchLine(line)
  return parsed.ok ? parsed.value : []
})
const trie = matchTime(bench, benchService, requests)
const linear = nanoseconds(requests.slice(0, 200), ({ method, target }) => {
  patterns.find(
    (pattern) =>
      pattern.methods.some((word) => word === method) &&
      patternMatches(pattern.segments, target.segments),
  )
})
const parse = nanoseconds(requests, ({ target }) => {
  parseTarget(target.path, { allowEncodedSlash: false })
})
console.log(`1,000 operations: ${trie.toFixed(0)} ns, of which the budget allows 1000`)
console.log(
  `linear scan of the same: ${linear.toFixed(0)} ns, ${(linear / trie).toFixed(1)} times as long`,
)
console.log(`reading the target: ${parse.toFixed(0)} ns`)

const builtin = await loadCatalog({ configDirectory: undefined, settings: new Map() })
const SAMPLES: Readonly<Record<string, string>> = {
  stripe: 'POST /v1/payment_intents/*/confirm',
  github: 'GET /repos/*/*/pulls/*/files',
  openai: 'POST /v1/chat/completions',
  slack: 'POST /api/chat.postMessage',
  cloudflare: 'GET /client/v4/zones/*/dns_records',
  twilio: 'POST /2010-04-01/Accounts/*/Messages',
}
for (const [id, line] of Object.entries(SAMPLES)) {
  const service = builtin.services.get(id)
  const host = service?.hosts[0]?.name
  if (!service || host === undefined) continue
  const time = matchTime(builtin, service, [requestFor(line, host)])
  console.log(`${id.padEnd(12)}${time.toFixed(0).padStart(6)} ns  ${line}`)
}

const HEADERS: Facts['headers'] = [
  ['host', 'localhost:8900'],
  ['user-agent', 'Stripe/v1 NodeBindings/23.1.0'],
  ['accept', 'application/json'],
  ['content-type', 'application/x-www-form-urlencoded'],
  ['content-length', '39'],
  ['stripe-version', '2026-10-29.clover'],
  ['idempotency-key', 'stripe-node-retry-1'],
]

/** Nanoseconds for conditions and guards of one Stripe request. */
async function judgeTime(line: string, body: Facts['body']): Promise<number> {
  const stripe = builtin.services.get('stripe')
  const found = stripe && builtin.match(stripe, requestFor(line, 'api.stripe.com'))
  if (!found?.ok) throw new Error(line)
  const facts = { headers: HEADERS, contentType: 'application/x-www-form-urlencoded', body }
  const calls = 50_000
  let best = Infinity
  for (let round = 0; round < 5; round += 1) {
    const from = process.hrtime.bigint()
    for (let index = 0; index < calls; index += 1)
      await builtin.judge(found.value, facts, new Set())
    best = Math.min(best, Number(process.hrtime.bigint() - from) / calls)
  }
  return best
}

const bytes = Buffer.from('amount=1000&currency=eur&confirm=true&x')
const plain = await judgeTime('GET /v1/charges', { kind: 'none' })
const read = await judgeTime('POST /v1/payment_intents', { kind: 'bytes', bytes })
console.log(
  `judging headers and query: ${plain.toFixed(0)} ns; with a small form: ${read.toFixed(0)} ns`,
)
