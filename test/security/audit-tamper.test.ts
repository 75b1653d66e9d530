import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FindingKind } from '../../src/audit-files/finding.ts'
import { leafHashOf } from '../support/merkle.ts'
import {
  joined,
  linesOf,
  segmentsOf,
  signedFor,
  vkeyOf,
  WRITERS,
  writeSignedAudit,
  type Files,
  type SignedAudit,
} from '../support/signed-audit.ts'
import { createVerifier, findingsOf } from '../support/verifier.ts'

const verifier = createVerifier()
const { verified, found } = verifier
let audit: SignedAudit

beforeAll(async () => {
  audit = await writeSignedAudit()
})

afterAll(() => {
  verifier.remove()
})

const copy = (): Files => new Map(audit.files)

const [own, other] = WRITERS
const bytesOf = (name: string): Buffer => audit.files.get(name) ?? Buffer.alloc(0)
const seqOf = (line: string): number => Number(/\d+/.exec(line)?.[0])

/** The audit with other lines in one segment. */
function withLines(name: string, change: (lines: string[]) => readonly string[]): Files {
  return copy().set(name, joined(change(linesOf(bytesOf(name)))))
}

const hashed = (lines: readonly string[]): Buffer =>
  Buffer.concat(lines.map((line) => leafHashOf(Buffer.from(line))))

const hashesBeside = (name: string): string => name.replace('.jsonl', '.hashes')

/** With one byte of one file another one. */
function flipped(name: string, at: number, mask: number): Files {
  const content = Buffer.from(bytesOf(name))
  content[at] = (content[at] ?? 0) ^ mask
  return copy().set(name, content)
}

const MASKS = [0x01, 0x20, 0xff]

const numbersTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n)

describe('AU-03 audit verify', () => {
  it('finds nothing in a log that nobody touched', async () => {
    const verdict = await verified(copy())
    expect(findingsOf(verdict)).toEqual([])
    expect(verdict.writers.map(({ segments }) => segments)).toEqual([3, 2])
    for (const { records, checkpoint, verified: covered } of verdict.writers)
      expect([checkpoint, covered]).toEqual([records, records])
  })

  it('names the record of each byte of each segment that is another one', async () => {
    for (const name of WRITERS.flatMap((writer) => segmentsOf(audit.files, writer))) {
      const content = bytesOf(name)
      let seq = seqOf(linesOf(content)[0] ?? '')
      for (const at of numbersTo(content.length)) {
        const files = flipped(name, at, MASKS[at % MASKS.length] ?? 1)
        const [finding] = await found(files)
        expect([name, at, finding]).toMatchObject([name, at, { seq, isCertain: true }])
        if (content[at] === 0x0a) seq++
      }
    }
  }, 240_000)

  it('names the record of each byte of a hash that is another one, and that the record is right', async () => {
    for (const name of WRITERS.flatMap((writer) => segmentsOf(audit.files, writer))) {
      const first = seqOf(linesOf(bytesOf(name))[0] ?? '')
      const hashes = hashesBeside(name)
      for (const at of numbersTo(bytesOf(hashes).length)) {
        const [finding, ...more] = await found(flipped(hashes, at, 0x01))
        expect(finding).toMatchObject({ kind: 'hashes', seq: first + Math.floor(at / 32) })
        expect(more).toEqual([])
      }
    }
  })

  it('notices each byte of a checkpoint that is another one', async () => {
    for (const at of numbersTo(bytesOf(`${own}/checkpoint`).length)) {
      const kinds = (await found(flipped(`${own}/checkpoint`, at, 0x01))).map(({ kind }) => kind)
      expect([at, ...kinds]).toEqual([at, 'checkpoint', 'unsigned'])
    }
  })

  it('names the first record that was removed, wherever lines were', async () => {
    for (const writer of WRITERS) {
      const segments = segmentsOf(audit.files, writer)
      for (const name of segments)
        for (const [index, line] of linesOf(bytesOf(name)).entries()) {
          const files = withLines(name, (lines) => lines.toSpliced(index, 1))
          const isEnd = name === segments.at(-1) && index === linesOf(bytesOf(name)).length - 1
          expect(await found(files)).toMatchObject([
            { kind: isEnd ? 'cut' : 'removed', writer, seq: seqOf(line), isCertain: true },
          ])
        }
    }
  })

  it('names the first of two records that changed places', async () => {
    for (const name of segmentsOf(audit.files, own)) {
      const lines = linesOf(bytesOf(name))
      for (const one of lines.keys())
        for (let two = one + 1; two < lines.length; two++) {
          const files = withLines(name, (all) => all.with(one, lines[two]!).with(two, lines[one]!))
          expect(await found(files)).toMatchObject([
            { kind: 'reordered', seq: seqOf(lines[one]!), line: one + 1, isCertain: true },
          ])
        }
    }
  })

  it('names records that two writers exchanged', async () => {
    const [mine, theirs] = [own, other].map((writer) => segmentsOf(audit.files, writer)[0] ?? '')
    const [ours, others] = [linesOf(bytesOf(mine!)), linesOf(bytesOf(theirs!))]
    for (const index of [0, 1, 2]) {
      const files = withLines(mine!, (lines) => lines.with(index, others[index]!))
      files.set(theirs!, joined(others.with(index, ours[index]!)))
      expect(await found(files)).toMatchObject([
        { kind: 'foreign', writer: own, seq: index + 1, isCertain: true },
        { kind: 'foreign', writer: other, seq: index + 1, isCertain: true },
      ])
    }
  })

  it('notices writers whose directories changed places', async () => {
    const files: Files = new Map()
    for (const [name, content] of audit.files)
      files.set(
        name.replace(/^[^/]+\//, (writer) => (writer === `${own}/` ? `${other}/` : `${own}/`)),
        content,
      )
    const kinds = new Set((await found(files)).map(({ kind }) => kind))
    expect(kinds).toEqual(new Set<FindingKind>(['checkpoint', 'unsigned']))
  })

  it('names a line that was added', async () => {
    for (const name of segmentsOf(audit.files, own))
      for (const [index, line] of linesOf(bytesOf(name)).entries())
        for (const forged of [line.replace('local', 'l0cal'), '{}']) {
          const files = withLines(name, (lines) => lines.toSpliced(index, 0, forged))
          expect((await found(files))[0]).toMatchObject({ kind: 'added', seq: seqOf(line) })
        }
  })

  it('names the record behind a line that is there twice', async () => {
    for (const name of segmentsOf(audit.files, own))
      for (const [index, line] of linesOf(bytesOf(name)).entries()) {
        const files = withLines(name, (lines) => lines.toSpliced(index, 0, line))
        // Behind the very last one no signature says that nothing follows.
        const isCertain = seqOf(line) < 12
        expect(await found(files)).toMatchObject([
          { kind: 'duplicated', seq: seqOf(line) + 1, line: index + 2, isCertain },
        ])
      }
  })

  it("takes no other root from the journal's own note, which nobody signed", async () => {
    const name = `${own}/frontier`
    const at = bytesOf(name).indexOf('\n')
    for (const files of [flipped(name, at + 1, 0x01), copy().set(name, Buffer.from('nonsense'))])
      expect(await found(files)).toMatchObject([{ kind: 'frontier', writer: own }])
  })

  it('names the record from which on the log is cut, between lines and within them', async () => {
    for (const writer of WRITERS) {
      const name = segmentsOf(audit.files, writer).at(-1) ?? ''
      const content = bytesOf(name)
      let seq = seqOf(linesOf(content)[0] ?? '')
      for (const at of numbersTo(content.length)) {
        const files = copy().set(name, content.subarray(0, at))
        expect(await found(files)).toMatchObject([{ kind: 'cut', writer, seq, isCertain: true }])
        files.delete(hashesBeside(name))
        expect((await found(files))[0]).toMatchObject({ kind: 'cut', seq })
        if (content[at] === 0x0a) seq++
      }
    }
  }, 240_000)

  it('tells a segment that was taken away from the oldest ones that were retired', async () => {
    const [oldest = '', middle = ''] = segmentsOf(audit.files, own)
    const seq = seqOf(linesOf(bytesOf(middle))[0]!)
    const taken = copy()
    taken.delete(middle)
    expect(await found(taken)).toMatchObject([{ kind: 'removed', seq, isCertain: true }])
    const retired = copy()
    retired.delete(oldest)
    expect(await found(retired)).toMatchObject([
      { kind: 'deleted', seq: 1, through: seq - 1, isCertain: true },
    ])
    retired.delete(hashesBeside(oldest))
    expect(await found(retired)).toMatchObject([{ kind: 'removed', seq: 1, through: seq - 1 }])
  })

  it('says where a record was changed together with its hash, as far as that can be told', async () => {
    const [, name = ''] = segmentsOf(audit.files, own)
    const files = withLines(name, ([first, ...rest]) => [first!.replace('Z"', 'X"'), ...rest])
    files.set(hashesBeside(name), hashed(linesOf(files.get(name)!)))
    const records = (await verified(copy())).writers[0]!.records
    expect(await found(files)).toMatchObject([{ kind: 'rewritten', seq: 1, through: records }])
    const kept = [{ name: 'mine.note', text: audit.early }]
    const early = await found(files, { kept })
    const isBefore = seqOf(linesOf(bytesOf(name))[0]!) <= 5
    expect(early).toMatchObject([isBefore ? { seq: 1, through: 5 } : { seq: 6, through: records }])
  })

  it('needs no hashes while the records are there', async () => {
    const files = new Map([...audit.files].filter(([name]) => !name.endsWith('.hashes')))
    expect(await found(files)).toEqual([])
    const [name = ''] = segmentsOf(files, own)
    files.set(
      name,
      withLines(name, (lines) => lines.with(1, lines[1]!.replace('Z"', 'X"'))).get(name)!,
    )
    expect(await found(files)).toMatchObject([{ kind: 'rewritten', seq: 1 }])
  })

  describe('with a checkpoint that was kept elsewhere', () => {
    const kept = () => [{ name: 'mine.note', text: bytesOf(`${own}/checkpoint`).toString() }]

    it('notices a log that was put back to an earlier state, checkpoint and all', async () => {
      const names = segmentsOf(audit.files, own)
      const files = copy().set(`${own}/checkpoint`, Buffer.from(audit.early))
      let left = 5
      for (const name of names) {
        const lines = linesOf(bytesOf(name)).slice(0, left)
        left -= lines.length
        if (lines.length === 0) for (const gone of [name, hashesBeside(name)]) files.delete(gone)
        else files.set(name, joined(lines)).set(hashesBeside(name), hashed(lines))
      }
      files.delete(`${own}/frontier`)
      expect(await found(files)).toEqual([])
      const kinds = await found(files, { kept: kept() })
      expect(kinds).toMatchObject([{ kind: 'unsigned' }, { kind: 'cut', seq: 6, isCertain: true }])
    })

    it('notices a checkpoint that was put back alone', async () => {
      const files = copy().set(`${own}/checkpoint`, Buffer.from(audit.early))
      expect(await found(files, { kept: kept() })).toMatchObject([{ kind: 'unsigned' }])
    })

    it('notices a log that is gone', async () => {
      const files = new Map([...audit.files].filter(([name]) => !name.startsWith(own)))
      expect(await found(files, { kept: kept() })).toMatchObject([
        { kind: 'cut', writer: own, seq: 1 },
      ])
    })
  })

  describe('with everything rewritten and signed by another key', () => {
    const forged = (): Files => {
      const { privateKey: key } = generateKeyPairSync('ed25519')
      const [name = ''] = segmentsOf(audit.files, own)
      const files = withLines(name, (lines) => lines.with(1, lines[1]!.replace('Z"', 'X"')))
      files.set(hashesBeside(name), hashed(linesOf(files.get(name)!)))
      for (const writer of WRITERS)
        files.set(`${writer}/checkpoint`, Buffer.from(signedFor(files, { key, writer })))
      files.delete(`${own}/frontier`)
      return files.set('checkpoint.pub', Buffer.from(`${vkeyOf(key)}\n`))
    }

    it('finds nothing when it has but what was rewritten, and says that the key came from there', async () => {
      const verdict = await verified(forged())
      expect([verdict.isIntact, verdict.keyFrom]).toEqual([true, 'directory'])
    })

    it('notices it by the public key, or by any kept checkpoint', async () => {
      const byKey = await found(forged(), { publicKey: audit.publicKey })
      expect(new Set(byKey.map(({ kind }) => kind))).toEqual(new Set(['checkpoint', 'unsigned']))
      const kept = [{ name: 'mine.note', text: audit.early }]
      expect(await found(forged(), { kept })).toMatchObject([{ kind: 'checkpoint', writer: own }])
      const json = { publicKey: audit.publicKey, logs: { any: { note: audit.early } } }
      const withKey = [{ name: 'kept.json', text: JSON.stringify(json) }]
      expect((await found(forged(), { kept: withKey })).length).toBeGreaterThan(2)
    })
  })

  it('asks for a key when the one beside the log is spoilt or gone', async () => {
    const spoilt = flipped('checkpoint.pub', 5, 0x01)
    await expect(verified(spoilt)).rejects.toMatchObject({ code: 'key_invalid' })
    spoilt.delete('checkpoint.pub')
    await expect(verified(spoilt)).rejects.toMatchObject({ code: 'key_missing' })
    expect(await found(spoilt, { publicKey: audit.publicKey })).toEqual([])
  })

  it('tells what no checkpoint covers yet, and a line that is half there', async () => {
    const files = copy().set(`${own}/checkpoint`, Buffer.from(audit.early))
    const name = segmentsOf(files, own).at(-1)!
    files.set(name, Buffer.concat([bytesOf(name), Buffer.from('{"seq":'), Buffer.alloc(4096)]))
    const [writer] = (await verified(files)).writers
    expect(writer).toMatchObject({ checkpoint: 5, verified: 5, tornBytes: 7 })
  })
})
