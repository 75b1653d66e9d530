/** A log that somebody rewrote while nothing ran, without the key: the next start signs it with a word about it. */

import { createHash, generateKeyPairSync } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aChange, anOutcome, aRequestId, intentOf } from '../../../test/support/audit.ts'
import { createTestJournal, type TestJournal } from '../../../test/support/journal.ts'
import { vkeyOf } from '../../../test/support/signed-audit.ts'
import { verifyAudit } from '../../audit-files/verify.ts'
import { Frontier } from './frontier.ts'
import type { Journal, JournalParts } from './journal.ts'

const { privateKey: key } = generateKeyPairSync('ed25519')
const origin = 'apistronghold/production/local'

let test: TestJournal
let sealPath: string

beforeEach(() => {
  test = createTestJournal()
  sealPath = join(test.directory, '..', 'audit-seals', 'local')
})

afterEach(async () => {
  await test.remove()
})

const open = (parts: Partial<JournalParts> = {}): Promise<Journal> =>
  test.open({ sign: { key, origin }, sealPath, ...parts })

const path = (name: string) => join(test.own, name)
const segment = () => path('0000000000000001.jsonl')
const hashes = () => path('0000000000000001.hashes')

/** Twenty seconds of work, and a clean end. */
async function written(parts?: Partial<JournalParts>): Promise<void> {
  const journal = await open(parts)
  await journal.intent(intentOf(1))
  journal.outcome(anOutcome({ requestId: aRequestId(1) }))
  await journal.flush()
  test.clock.now += 20_000
  await journal.change(aChange())
  await journal.close()
}

const linesOf = () => readFileSync(segment(), 'latin1').replace(/\0+$/, '').split('\n').slice(0, -1)

function rehash(): void {
  const leaf = (line: string) => createHash('sha256').update(`\0${line}`, 'latin1').digest()
  writeFileSync(hashes(), Buffer.concat(linesOf().map(leaf)))
}

function rewrite(): void {
  writeFileSync(segment(), readFileSync(segment(), 'latin1').replaceAll('alice', 'mayor'), 'latin1')
  rehash()
}

/** Under the old signature, what the log would have to say now. */
function forgeNote(): void {
  const tree = new Frontier()
  const all = readFileSync(hashes())
  for (let at = 0; at < all.length; at += 32) tree.append(all.subarray(at, at + 32))
  const note = readFileSync(path('checkpoint'), 'utf8')
  const head = `${origin}\n${tree.size}\n${tree.root().toString('base64')}`
  writeFileSync(path('checkpoint'), head + note.slice(note.indexOf('\n\n')))
}

function forgeIntent(): void {
  const { at = '' } = /(?<at>"time".*)$/.exec(linesOf()[1] ?? '')?.groups ?? {}
  const forged = at.replace(aRequestId(1), aRequestId(9))
  appendFileSync(segment(), `{"seq":${linesOf().length + 1},${forged}\n`)
  rehash()
}

async function restarted(parts?: Partial<JournalParts>): Promise<void> {
  await (await open(parts)).close()
}

const reported = () => test.records().filter(({ kind }) => kind === 'recovery')

const verified = () => verifyAudit({ directory: test.directory, publicKey: vkeyOf(key), kept: [] })

async function expectReported(details: object): Promise<void> {
  expect(reported()).toMatchObject([{ details: { checkpoint: details } }])
  for (const name of readdirSync(test.own)) if (/unmatched$/.test(name)) unlinkSync(path(name))
  const verdict = await verified()
  const kinds = verdict.writers.flatMap(({ findings }) => findings.map(({ kind }) => kind))
  expect([verdict.isIntact, kinds]).toEqual([false, expect.arrayContaining(['reported'])])
}

describe('AU-03 a start after records were rewritten', () => {
  it.each<[string, () => void, object]>([
    [
      'and the checkpoint removed',
      () => {
        unlinkSync(path('checkpoint'))
      },
      { note: 'missing', records: 'unknown' },
    ],
    ['and the checkpoint forged', forgeNote, { note: 'invalid', records: 'unknown' }],
    ['and nothing else', () => undefined, { note: 'sound', records: 'unknown' }],
    [
      'and the note of where the tree stood with them',
      () => {
        writeFileSync(path('frontier'), '0\n\n')
      },
      { note: 'sound', records: 'unknown' },
    ],
  ])('%s, puts it on record and shows it', async (_case, hide, details) => {
    await written()
    rewrite()
    hide()
    await restarted()
    await expectReported({ size: 4, ...details })
  })

  it.each<[string, () => void, object]>([
    [
      'and the checkpoint removed',
      () => {
        unlinkSync(path('checkpoint'))
      },
      { size: 0, note: 'missing', records: 'unsigned' },
    ],
    ['and the checkpoint forged', forgeNote, { size: 0, note: 'invalid' }],
  ])('%s, does so where there is no seal either', async (_case, hide, details) => {
    await written()
    rmSync(sealPath)
    rewrite()
    hide()
    await restarted()
    await expectReported(details)
  })
})

describe('AU-03 a start after records were added behind a clean end', () => {
  it('puts it on record and shows it', async () => {
    await written()
    forgeIntent()
    await restarted()
    await expectReported({ size: 4, note: 'sound', records: 'added' })
  })

  it('does so without a seal, where the last that was signed for is a stop', async () => {
    await written()
    const journal = await open({})
    await journal.change(aChange({ action: 'service.stop' }))
    await journal.close()
    rmSync(sealPath)
    forgeIntent()
    await restarted()
    await expectReported({ size: 5, records: 'added' })
  })

  it('tells them from those of a process that died right after its start', async () => {
    await written()
    const journal = await open()
    await journal.change(aChange())
    await journal.close()
    writeFileSync(sealPath, readFileSync(sealPath, 'utf8').replace('closed', 'open'))
    appendFileSync(segment(), linesOf().at(-1)!.replace('"seq":5,', '"seq":6,') + '\n')
    await restarted()
    expect(reported()).toMatchObject([{ details: { closed: 0, unsigned: 1 } }])
    expect(reported()[0]?.['details']).not.toHaveProperty('checkpoint')
    expect((await verified()).isIntact).toBe(true)
  })
})

describe('AU-03 a start over a log that is gone', () => {
  it('puts it on record, since what was signed is known elsewhere', async () => {
    await written()
    rmSync(test.own, { recursive: true })
    await restarted()
    await expectReported({ size: 4, note: 'missing', records: 'unknown' })
  })

  it('says nothing at the very first', async () => {
    await written()
    await restarted()
    expect(reported()).toEqual([])
    expect((await verified()).isIntact).toBe(true)
  })

  it('notices an earlier state of it, checkpoint and all', async () => {
    await written()
    const early = new Map(readdirSync(test.own).map((name) => [name, readFileSync(path(name))]))
    const journal = await open()
    await journal.change(aChange())
    await journal.close()
    for (const [name, content] of early) writeFileSync(path(name), content)
    await restarted()
    await expectReported({ size: 5, note: 'sound', records: 'unknown' })
  })
})

describe('AU-03 what a loss of power leaves', () => {
  beforeEach(async () => {
    await written()
    writeFileSync(sealPath, readFileSync(sealPath, 'utf8').replace('closed', 'open'))
  })

  it.each<[string, () => void]>([
    [
      'an empty checkpoint',
      () => {
        writeFileSync(path('checkpoint'), '')
      },
    ],
    [
      'a seal from before the first checkpoint',
      () => {
        writeFileSync(sealPath, 'open\n')
      },
    ],
    [
      'no seal at all',
      () => {
        renameSync(sealPath, `${sealPath}.away`)
      },
    ],
  ])('is no attack: %s', async (_case, damage) => {
    damage()
    await restarted()
    expect(reported()).toEqual([])
    expect(existsSync(path('checkpoint'))).toBe(true)
    expect((await verified()).isIntact).toBe(true)
  })
})
