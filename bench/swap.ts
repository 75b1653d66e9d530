/**
 * Our HTTP engine with a trivial door: one look-up, another Authorization. What it costs beside
 * `ours` is what the duty costs.
 */

import { createDial } from '../src/network/dial.ts'
import { DEFAULT_UPSTREAM_LIMITS } from '../src/proxy/upstream/limits.ts'
import type { AnswerListener, Call, Destination } from '../src/proxy/upstream/upstream.ts'
import { createUpstreams } from '../src/proxy/upstream/upstreams.ts'
import { DEFAULT_LIMITS } from '../src/proxy/limits.ts'
import type { WireAnswer, WireReply, WireRequest } from '../src/proxy/wire/message.ts'
import { ConnectionCount } from '../src/proxy/wire/connection-limits.ts'
import { createWireServer } from '../src/proxy/wire/server.ts'
import type { SwapJob } from './subject.ts'

const MAX_BODY_BYTES = 8 * 1024 * 1024
const REFUSED: WireAnswer = { status: 401, headers: [], body: '' }

/** An answer on its way, chunk by chunk, at the pace of its reader. */
class Relay implements AnswerListener {
  call: Call | undefined
  readonly #reply: WireReply

  constructor(reply: WireReply) {
    this.#reply = reply
  }

  onHead: AnswerListener['onHead'] = (head) => {
    this.#reply.start(head)
  }

  onChunk(chunk: Buffer): boolean {
    const goesOn = this.#reply.write(chunk)
    if (!goesOn) this.#reply.whenWritable(() => this.call?.resume())
    return goesOn
  }

  onEnd(): void {
    this.#reply.end()
  }

  onSwitch(): void {
    this.#reply.cut()
  }

  onFailure(): void {
    this.#reply.cut()
  }
}

function swapped({ fields, spelling }: WireRequest, host: string, credential: string): string[] {
  const headers = ['Host', host, 'Authorization', credential]
  fields.forEach(([name, value], index) => {
    switch (name) {
      case 'host':
      case 'authorization':
      case 'connection':
      case 'content-length':
        return
      default:
        headers.push(spelling[index] ?? name, value)
    }
  })
  return headers
}

process.once('message', ({ origin, ca, token, key }: SwapJob) => {
  const credentials = new Map([[`Bearer ${token}`, `Bearer ${key}`]])
  const destination: Destination = {
    ...{ service: 'bench', credential: 'bench', origin, ca, allowPrivateAddress: true },
  }
  const { host } = new URL(origin)
  const upstreams = createUpstreams({ dial: createDial(), limits: DEFAULT_UPSTREAM_LIMITS })

  function forward(request: WireRequest, reply: WireReply, body?: Buffer): void {
    const presented = request.fields.find(([name]) => name === 'authorization')?.[1] ?? ''
    const credential = credentials.get(presented)
    if (credential === undefined) {
      reply.send(REFUSED)
      return
    }
    const { method, target: path } = request
    const headers = swapped(request, host, credential)
    const relay = new Relay(reply)
    const call = upstreams.send(destination, { method, path, headers, body }, relay)
    relay.call = call
    reply.whenGone(() => {
      call.abort()
    })
  }

  const server = createWireServer({
    settings: { host: '127.0.0.1', port: 0 },
    limits: DEFAULT_LIMITS.wire,
    open: new ConnectionCount(DEFAULT_LIMITS.wire),
    now: Date.now,
    serve(request, reply) {
      if (!request.body.isPresent) {
        forward(request, reply)
        return
      }
      void request.body
        .collect(MAX_BODY_BYTES, () => true)
        .then((body) => {
          if (typeof body === 'string') reply.cut()
          else forward(request, reply, body)
        })
    },
    reject: ({ status }) => ({ ...REFUSED, status }),
  })
  void server
    .listen()
    .then(({ address }) => process.send?.(Number(new URL(`http://${address}`).port)))
})
