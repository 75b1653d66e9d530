import { describe, expect, it } from 'vitest'
import { chunkSignature } from '../../../test/support/aws-chunks.ts'
import { formatTime, signingKey } from '../../injection/sigv4/canonical.ts'
import type { Refusal } from '../../policy/refusal.ts'
import { createBodyBudget } from '../body-budget.ts'
import type { BodySink, BodySource } from '../http1/body.ts'
import { createSignedChunks } from './signed-chunks.ts'

const scope = { day: '20260131', region: 'eu-west-1', service: 's3' }
const time = formatTime(Date.UTC(2026, 0, 31))
const chain = () => ({ key: signingKey('theirs', scope), scope, time, signature: 'a'.repeat(64) })

/** A chunk of 100,000 bytes, and the last one. */
function body(): Buffer {
  const data = Buffer.alloc(100_000, 'x')
  const first = chunkSignature({ ...scope, time, signature: 'a'.repeat(64) }, data, 'theirs')
  const last = chunkSignature({ ...scope, time, signature: first }, Buffer.alloc(0), 'theirs')
  return Buffer.concat([
    Buffer.from(`186a0;chunk-signature=${first}\r\n`),
    data,
    Buffer.from(`\r\n0;chunk-signature=${last}\r\n\r\n`),
  ])
}

function open(capacity: number) {
  const budget = createBodyBudget(capacity)
  const share = budget.shareOf('agent')
  const refusals: Refusal[] = []
  let client: BodySink | undefined
  const source: BodySource = {
    length: undefined,
    stream: (sink) => (client = sink),
    resume: () => undefined,
  }
  const chunks = createSignedChunks(
    source,
    {
      from: {
        ...{ service: 's3', region: 'eu-west-1', chain: chain() },
        payload: { kind: 'signed_chunks', text: '', hasTrailer: false },
      },
      to: { ...chain(), outgoing: { path: '/', query: undefined, headers: [] } },
    },
    { share, onRefusal: (refusal) => void refusals.push(refusal) },
  )
  if (!chunks) throw new Error('there are chunks to sign')
  const seen: string[] = []
  let bytes = 0
  chunks.stream({
    onChunk: (chunk) => {
      bytes += chunk.length
      return true
    },
    onEnd: () => void seen.push('end'),
    onFailure: () => void seen.push('failure'),
  })
  /** Bytes that the agent may still hold. */
  const room = () => {
    let free = 0
    while (share.take(1000)) free += 1000
    share.give(free)
    return free
  }
  const send = (part: Buffer) => client?.onChunk(part)
  return { chunks, send, end: () => client?.onEnd(), seen, refusals, room, bytes: () => bytes }
}

describe('AV-03 signed chunks on their way', () => {
  it('are held within the budget, and given back as they leave', () => {
    const way = open(800_000)
    const whole = body()
    way.send(whole.subarray(0, 50_000))
    expect([way.bytes(), way.room()]).toEqual([0, 150_000])
    way.send(whole.subarray(50_000))
    way.end()
    expect([way.bytes(), way.room()]).toEqual([whole.length, 200_000])
    expect(way.seen).toEqual(['end'])
  })

  it('are refused where there is no room, and hold nothing then', () => {
    const way = open(200_000)
    expect(way.send(body().subarray(0, 60_000))).toBe(false)
    expect(way.refusals).toEqual([{ reason: 'overloaded' }])
    expect([way.seen, way.room()]).toEqual([['failure'], 50_000])
  })

  it('hold nothing once the request is over', () => {
    const way = open(800_000)
    way.send(body().subarray(0, 50_000))
    way.chunks.release()
    expect(way.room()).toBe(200_000)
    expect(way.send(body().subarray(50_000))).toBe(false)
    way.end()
    expect(way.seen).toEqual([])
  })

  it('are wrong when the last one is missing', () => {
    const way = open(800_000)
    way.send(body().subarray(0, 100_087))
    way.end()
    expect(way.refusals).toMatchObject([{ reason: 'signature_invalid' }])
    expect(way.room()).toBe(200_000)
  })
})
