/** What is not there any more, or was never of this log: `audit verify` does not call it intact. */

import { generateKeyPairSync } from 'node:crypto'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyAudit } from '../../src/audit-files/verify.ts'
import { createSigner } from '../../src/storage/journal/checkpoint-note.ts'
import { leafHashOf, rootOf } from '../support/merkle.ts'
import {
  joined,
  linesOf,
  LOG,
  putFiles,
  segmentsOf,
  signedFor,
  WRITERS,
  writeSignedAudit,
  type Files,
  type SignedAudit,
} from '../support/signed-audit.ts'
import { createVerifier } from '../support/verifier.ts'

const verifier = createVerifier()
const { directory, verified, found } = verifier
const [own, other] = WRITERS
let audit: SignedAudit

beforeAll(async () => {
  audit = await writeSignedAudit()
})

afterAll(() => {
  verifier.remove()
})

const copy = (): Files => new Map(audit.files)

const without = (isGone: (name: string) => boolean): Files =>
  new Map([...audit.files].filter(([name]) => !isGone(name)))

/** With these records more in a writer's newest segment, signed for by the key. */
function grown(files: Files, writer: string, more: readonly object[]): Files {
  const name = segmentsOf(files, writer).at(-1) ?? ''
  const lines = linesOf(files.get(name) ?? Buffer.alloc(0))
  const next = Number(/\d+/.exec(lines.at(-1) ?? '')?.[0]) + 1
  const records = more.map((record, index) =>
    JSON.stringify({
      ...{ seq: next + index, time: '2027-12-31T23:59:59.000Z', kind: 'change', requestId: null },
      ...{ writer, ...record },
    }),
  )
  files.set(name, joined([...lines, ...records]))
  files.delete(name.replace('.jsonl', '.hashes'))
  return files.set(
    `${writer}/checkpoint`,
    Buffer.from(signedFor(files, { key: audit.key, writer })),
  )
}

const retiring = (target: string, first: number, last: number) => ({
  ...{ action: 'audit.retire', operator: 'system', target, details: { first, last } },
})

const lastOf = (name: string): number => linesOf(audit.files.get(name) ?? Buffer.alloc(0)).length

describe('AU-03 an oldest segment that is gone', () => {
  const gone = (writer: string): string => segmentsOf(audit.files, writer)[0] ?? ''

  it('is retired when a signed record says so, in whichever log', async () => {
    for (const writer of WRITERS) {
      const name = gone(writer)
      const files = grown(copy(), own, [retiring(writer, 1, lastOf(name))])
      files.delete(name)
      expect(await found(files)).toEqual([])
    }
  })

  it.each([
    ['ends before', (last: number) => [retiring(own, 1, last - 1)]],
    ['is of another writer', (last: number) => [retiring(other, 1, last)]],
    ['leaves some out', (last: number) => [retiring(own, 1, 1), retiring(own, 3, last)]],
  ])('was deleted when what was retired %s', async (_case, records) => {
    const name = gone(own)
    const files = grown(copy(), own, records(lastOf(name)))
    files.delete(name)
    expect(await found(files)).toMatchObject([{ kind: 'deleted', writer: own }])
  })

  it('was deleted, though a record says that it was retired, if nobody signed that', async () => {
    const name = gone(own)
    const note = audit.files.get(`${own}/checkpoint`)!
    const files = grown(copy(), own, [retiring(own, 1, lastOf(name))])
    files.set(`${own}/checkpoint`, note).delete(name)
    expect(await found(files)).toMatchObject([{ kind: 'deleted' }])
  })

  it('is as much deleted when all but the newest one are', async () => {
    const all = segmentsOf(audit.files, own)
    const files = without((name) => all.slice(0, -1).includes(name))
    expect(await found(files)).toMatchObject([{ kind: 'deleted', seq: 1, writer: own }])
  })
})

describe('AU-03 a log of which nothing is left', () => {
  it.each<[string, (name: string) => boolean]>([
    ['but hashes', (name) => name.endsWith('.jsonl')],
    ['but its checkpoint', (name) => /\.(?:jsonl|hashes)$|frontier/.test(name)],
  ])('%s', async (_case, isGone) => {
    const files = without((name) => name.startsWith(own) && isGone(name))
    expect(await found(files)).toMatchObject([{ writer: own, seq: 1 }])
  })

  it('but an empty segment', async () => {
    const files = without((name) => name.startsWith(own))
    files.set(`${own}/0000000000000001.jsonl`, Buffer.alloc(0))
    expect(await found(files)).toMatchObject([{ kind: 'deleted', writer: own, seq: 1 }])
  })
})

describe('AU-03 what the server itself put on record', () => {
  const recovery = (details: object) => ({ kind: 'recovery', cause: 'start', details })

  it.each([
    ['changed', { checkpoint: { size: 5, records: 'changed' } }],
    ['lost', { checkpoint: { size: 5, records: 'unknown' } }],
    ['added', { checkpoint: { size: 5, records: 'added', note: 'sound' } }],
    ['unproven', { checkpoint: { size: 5, records: 'as signed', note: 'missing' } }],
    ['taken away', { lost: '0000000000000077.jsonl' }],
  ])('is a finding that names the record: %s', async (_case, details) => {
    const seq = (await verified(copy())).writers[0]!.records + 1
    expect(await found(grown(copy(), own, [recovery(details)]))).toMatchObject([
      { kind: 'reported', writer: own, seq },
    ])
  })

  it('is none for what a crash leaves, and for a segment that is back', async () => {
    const lost = segmentsOf(audit.files, own)[0]?.slice(own.length + 1)
    const files = grown(copy(), own, [
      recovery({ closed: 3, cuts: [], unsigned: 7 }),
      recovery({ lost }),
    ])
    expect(await found(files)).toEqual([])
  })
})

describe('AU-03 a kept checkpoint', () => {
  const kept = (text: string) => [{ name: 'mine.note', text }]
  const foreign = (log: string) => signedFor(copy(), { key: audit.key, writer: own, log })

  it('of another log alone is not enough, whatever the key is from', async () => {
    const asked = { kept: kept(foreign('apistronghold/staging')) }
    for (const publicKey of [undefined, audit.publicKey])
      expect(await found(copy(), { ...asked, publicKey })).toMatchObject([{ kind: 'checkpoint' }])
  })

  it('of another environment is passed over beside one that was compared', async () => {
    const note = kept(audit.early)
    const staging = [...note, ...kept(foreign('apistronghold/staging'))]
    const verdict = await verified(copy(), { kept: staging })
    expect([verdict.isIntact, verdict.others]).toEqual([true, ['apistronghold/staging/local']])
    const strange = [...note, ...kept(foreign('other'))]
    expect(await found(copy(), { kept: strange })).toMatchObject([{ kind: 'checkpoint' }])
  })

  it('with as many records and others in them names the records in question', async () => {
    const lines = segmentsOf(audit.files, own).flatMap((name) => linesOf(audit.files.get(name)!))
    const leaves = lines.map((line) => leafHashOf(Buffer.from(line)))
    const sign = createSigner({ key: audit.key, origin: `${LOG}/${own}` })
    const note = sign({ size: leaves.length, root: rootOf(leaves.toReversed()) })
    expect(await found(copy(), { kept: kept(note) })).toMatchObject([
      { kind: 'rewritten', seq: 1, through: leaves.length },
    ])
    expect(await found(copy(), { kept: [...kept(audit.early), ...kept(note)] })).toMatchObject([
      { kind: 'rewritten', seq: 6, through: leaves.length },
    ])
  })
})

describe('AU-03 the key of the log', () => {
  it('has the name that the environment has', async () => {
    expect(await found(copy(), { logName: LOG })).toEqual([])
    expect(await found(copy(), { logName: 'apistronghold/staging' })).toMatchObject([
      { kind: 'checkpoint', writer: LOG },
    ])
  })
})

describe('AU-03 hashes without an end', () => {
  it.each([
    ['of the newest segment', -1],
    ['of one that is gone', 0],
  ])(
    '%s take no time',
    async (_case, index) => {
      const name = segmentsOf(audit.files, own).at(index) ?? ''
      const files = copy()
      if (index === 0) files.delete(name)
      putFiles(directory, files)
      truncateSync(join(directory, name.replace('.jsonl', '.hashes')), 8 * 2 ** 40)
      const verdict = await verifyAudit({ directory, kept: [] })
      expect(verdict.isIntact).toBe(false)
    },
    5000,
  )

  it('take none either when the next segment claims to be that far', async () => {
    const files = copy().set(`${other}/9000000000000000.jsonl`, Buffer.from('{}\n'))
    putFiles(directory, files)
    const [name = ''] = segmentsOf(files, other)
    truncateSync(join(directory, name.replace('.jsonl', '.hashes')), 8 * 2 ** 40)
    expect((await verifyAudit({ directory, kept: [] })).isIntact).toBe(false)
  }, 5000)
})

it('AU-03 another key under the same name is no other log', async () => {
  const { privateKey: key } = generateKeyPairSync('ed25519')
  const note = signedFor(copy(), { key, writer: own })
  expect(await found(copy(), { kept: [{ name: 'mine.note', text: note }] })).toMatchObject([
    { kind: 'checkpoint', writer: own },
  ])
})
