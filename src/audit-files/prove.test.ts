/** What is proven here is read and checked by means of the RFCs and the C2SP pages alone. */

import { createHash, createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isConsistent, isIncluded, leafHashOf, rootOf } from '../../test/support/merkle.ts'
import {
  linesOf,
  LOG,
  putFiles,
  segmentsOf,
  WRITERS,
  writeSignedAudit,
  type Files,
  type SignedAudit,
} from '../../test/support/signed-audit.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import { formatConsistency, formatInclusion } from '../audit/tlog-proof.ts'
import { proveConsistency, proveInclusion, writerOf } from './prove.ts'
import { findRequest } from './request-record.ts'

const place = createTemporaryDirectory()
const directory = join(place.path, 'audit')
let audit: SignedAudit

beforeAll(async () => {
  audit = await writeSignedAudit()
})

afterAll(() => {
  place.remove()
})

const recordsOf = (writer: string): string[] =>
  segmentsOf(audit.files, writer).flatMap((name) => linesOf(audit.files.get(name)!))

const leavesOf = (writer: string) => recordsOf(writer).map((line) => leafHashOf(Buffer.from(line)))

const treeOf = (writer: string, size: number) => {
  const leaves = leavesOf(writer).slice(0, size)
  return { size, root: rootOf(leaves) }
}

/** The key as DER wants it: what stands behind the type in a C2SP verifier key. */
function keyIn(vkey: string) {
  const raw = Buffer.from(vkey.split('+').slice(2).join('+'), 'base64').subarray(1)
  const x = raw.toString('base64url')
  return { raw, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) }
}

/** C2SP signed-note and tlog-checkpoint. */
function readSigned(note: string[]) {
  const [origin = '', size, root = '', empty, signature = ''] = note
  const [dash, name, base64 = ''] = signature.split(' ')
  const signed = Buffer.from(base64, 'base64')
  const { raw, key } = keyIn(audit.publicKey)
  const id = createHash('sha256').update(`${origin}\n\u0001`).update(raw).digest()
  expect([empty, dash, name]).toEqual(['', '\u2014', origin])
  expect(signed.subarray(0, 4)).toEqual(id.subarray(0, 4))
  const text = Buffer.from(`${origin}\n${size}\n${root}\n`)
  expect(verify(null, text, key, signed.subarray(4))).toBe(true)
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

/** The lines of a proof in front of its note, as words, and the note's. */
function parted(proof: string) {
  const lines = proof.split('\n')
  const end = lines.indexOf('')
  const head = lines.slice(0, end).map((line) => line.split(' '))
  const path = head.flatMap((words) => (words.length === 1 ? words : []))
  return { head, path, note: lines.slice(end + 1) }
}

const bytes = (base64: readonly string[]) => base64.map((one) => Buffer.from(one, 'base64'))

/** Without these files. */
function without(...names: readonly string[]): Files {
  return new Map([...audit.files].filter(([name]) => !names.includes(name)))
}

describe('AU-03 a proof made from the files beside the segments', () => {
  it('shows each record of each writer to a verifier that shares no code with it', async () => {
    putFiles(directory, audit.files)
    for (const writer of WRITERS)
      for (const [index, line] of recordsOf(writer).entries()) {
        const proof = formatInclusion(await proveInclusion({ directory, writer }, index + 1))
        const { head, path, note } = parted(proof)
        const [[magic], extra, at] = head as [string[], string[], string[]]
        expect([magic, at]).toEqual(['c2sp.org/tlog-proof@v1', ['index', String(index)]])
        expect(Buffer.from(extra[1] ?? '', 'base64').toString()).toBe(line)
        const { origin, size, root } = readSigned(note)
        expect(origin).toBe(`${LOG}/${writer}`)
        const leaf = leafHashOf(Buffer.from(line))
        expect(isIncluded({ index, size, root, leaf, path: bytes(path.slice(1)) })).toBe(true)
      }
  })

  it('shows that the log only grew, from each earlier size', async () => {
    putFiles(directory, audit.files)
    for (const writer of WRITERS)
      for (let size = 1; size < recordsOf(writer).length; size++) {
        const first = treeOf(writer, size)
        const proof = formatConsistency(await proveConsistency({ directory, writer }, first))
        const { head, path, note } = parted(proof)
        expect(head[0]).toEqual(['old', String(size)])
        const second = readSigned(note)
        expect(isConsistent({ first, second, path: bytes(path) })).toBe(true)
      }
  })

  it('has nothing to add from the newest checkpoint on, and no proof of what is not so', async () => {
    putFiles(directory, audit.files)
    const [writer] = WRITERS
    const newest = treeOf(writer, recordsOf(writer).length)
    expect((await proveConsistency({ directory, writer }, newest)).path).toEqual([])
    const root = Buffer.alloc(32)
    for (const size of [1, 5, newest.size, newest.size + 1])
      await expect(proveConsistency({ directory, writer }, { size, root })).rejects.toMatchObject({
        code: 'audit_tampered',
      })
  })

  it('is not made where the checkpoint is not as it was signed, is gone, or the hashes are', async () => {
    const [writer] = WRITERS
    const note = audit.files.get(`${writer}/checkpoint`)!.toString()
    const prove = () => proveInclusion({ directory, writer }, 2)
    putFiles(
      directory,
      without().set(`${writer}/checkpoint`, Buffer.from(note.replace('12', '11'))),
    )
    await expect(prove()).rejects.toMatchObject({ code: 'audit_tampered' })
    putFiles(directory, without(`${writer}/checkpoint`))
    await expect(prove()).rejects.toMatchObject({ code: 'not_found' })
    putFiles(directory, without(segmentsOf(audit.files, writer)[0]!.replace('jsonl', 'hashes')))
    await expect(prove()).rejects.toMatchObject({ code: 'audit_unreadable' })
  })

  it('is found by a log that is here, or a request that is', async () => {
    putFiles(directory, audit.files)
    expect(await writerOf(directory, `${LOG}/worker-1`)).toBe('worker-1')
    await expect(writerOf(directory, `${LOG}/worker-2`)).rejects.toMatchObject({
      code: 'not_found',
    })
    for (const line of recordsOf('local')) {
      const { kind, seq, requestId } = JSON.parse(line) as Record<string, unknown>
      if (kind !== 'intent' || typeof requestId !== 'string') continue
      expect(await findRequest(directory, requestId)).toEqual({ writer: 'local', seq })
    }
    await expect(findRequest(directory, 'req_')).rejects.toMatchObject({ code: 'not_found' })
  })
})
