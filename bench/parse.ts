/**
 * How long our parsers take for a typical head of an SDK and of an API, beside a plain parser that
 * splits lines and checks nothing, in the same run.
 *
 *     node bench/parse.ts
 */

import { ChunkDecoder } from '../src/proxy/http1/chunked.ts'
import { HeadScanner } from '../src/proxy/http1/head-end.ts'
import { readRequestHead } from '../src/proxy/http1/request-head.ts'
import { readResponseHead } from '../src/proxy/http1/response-head.ts'

const REQUEST = `POST /v1/chat/completions HTTP/1.1
Host: localhost:8900
Connection: keep-alive
Content-Length: 412
Accept: application/json
Content-Type: application/json
User-Agent: OpenAI/JS 6.49.0
X-Stainless-Lang: js
X-Stainless-Package-Version: 6.49.0
X-Stainless-Runtime: node
X-Stainless-Runtime-Version: v24.21.0
Authorization: Bearer pt_live_0123456789abcdefghijABCDEFGHIJ012345
Accept-Encoding: gzip, deflate

`

const ANSWER = `HTTP/1.1 200 OK
Server: nginx
Date: Mon, 01 Jun 2026 12:00:00 GMT
Content-Type: application/json
Content-Length: 735
Connection: keep-alive
access-control-allow-credentials: true
access-control-allow-methods: GET, HEAD, PUT, PATCH, POST, DELETE
access-control-max-age: 300
cache-control: no-cache, no-store
request-id: req_0123456789abcd
stripe-version: 2026-05-27
strict-transport-security: max-age=63072000; includeSubDomains; preload

`

const LIMITS = { maxHeaderBytes: 32 * 1024, maxFields: 100, maxTargetBytes: 8 * 1024 }
const ROUNDS = 15

const asBytes = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')

/** The least that a parser does, and none of what it must. */
function splitHead(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n')
  const [, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const fields = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return fields.length
}

/** The best of the rounds: whatever else the machine does only adds to a round. */
function measure(name: string, call: () => unknown, calls = 100_000): void {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now()
    for (let index = 0; index < calls; index += 1) call()
    best = Math.min(best, ((performance.now() - start) * 1e6) / calls)
  }
  console.log(`${name.padEnd(36)} ${best.toFixed(0).padStart(6)} ns`)
}

function chunked(size: number): Buffer {
  const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
  return Buffer.from(chunk.repeat(Math.floor(65_536 / chunk.length)))
}

const request = asBytes(REQUEST)
const answer = asBytes(ANSWER)
const scanner = new HeadScanner(LIMITS.maxHeaderBytes)

function scan(bytes: Buffer): number {
  scanner.reset()
  return Number(scanner.scan(bytes))
}

console.log(`request head of ${request.length} bytes, answer head of ${answer.length} bytes`)
measure('request: scan', () => scan(request))
measure('request: scan and read', () => readRequestHead(request, scan(request), LIMITS))
measure('request: split, unchecked', () => splitHead(request))
const asked = { method: 'POST', maxFields: 100 }
measure('answer: scan', () => scan(answer))
measure('answer: scan and read', () => readResponseHead(answer, scan(answer), asked))
measure('answer: split, unchecked', () => splitHead(answer))

for (const size of [16, 512, 16_000]) {
  const original = chunked(size)
  const bytes = Buffer.from(original)
  const decode = () => {
    original.copy(bytes) // which the decoder changes
    return new ChunkDecoder().push(bytes, 0, () => undefined)
  }
  measure(`64 KiB in chunks of ${size}`, decode, 1000)
}
