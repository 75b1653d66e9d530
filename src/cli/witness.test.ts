/** A server that is honest, forgetful, silent or hostile, as the witness of an operator sees it. */

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { leafHashOf, rootOf } from '../../test/support/merkle.ts'
import {
  joined,
  linesOf,
  putFiles,
  segmentsOf,
  signedFor,
  vkeyOf,
  writeSignedAudit,
  type SignedAudit,
} from '../../test/support/signed-audit.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { consistencyRanges } from '../audit/tlog-ranges.ts'
import { verifyAudit } from '../audit-files/verify.ts'
import { aTerminal, type CollectingTerminal } from './terminal.testing.ts'
import { forget, readKept, witnessPath } from './witness-file.ts'
import { createWitness } from './witness.ts'

/** What the server shows. */
interface Show {
  /** In the header of each answer. */
  readonly header?: string
  readonly list?: object
  readonly listStatus?: number
  /** What its records hash to, for proofs; else those of the honest log. */
  readonly leaves?: readonly Buffer[]
  readonly proofStatus?: number
}

let audit: SignedAudit
let late: string
let show: Show
let server: Server
let url: string
let folder: TemporaryDirectory
let terminal: CollectingTerminal

beforeAll(async () => {
  audit = await writeSignedAudit()
  late = audit.files.get('local/checkpoint')?.toString() ?? ''
  server = createServer(({ url: path = '' }, answer) => {
    if (show.header !== undefined) {
      const base64 = Buffer.from(show.header).toString('base64')
      answer.setHeader('apistronghold-checkpoint', base64)
    }
    const isList = path.startsWith('/v1/audit/checkpoint')
    const isProof = path.startsWith('/v1/audit/consistency')
    const status = (isList ? show.listStatus : isProof ? show.proofStatus : undefined) ?? 200
    answer.statusCode = status
    const problem = {
      type: 'about:blank',
      title: 't',
      status,
      code: 'c',
      detail: 'd',
      requestId: 'r',
    }
    const good = isList ? show.list : isProof ? proofFor(path) : { items: [], nextCursor: null }
    const body = status === 200 ? good : problem
    answer.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
afterAll(() => {
  server.close()
})

beforeEach(() => {
  folder = createTemporaryDirectory()
  terminal = newTerminal()
})
afterEach(() => {
  folder.remove()
})

/** Of a server that works the path out from its records as they are. */
function proofFor(path: string) {
  const query = new URL(path, 'http://localhost').searchParams
  const [from, to] = [Number(query.get('from')), Number(query.get('to'))]
  const ranges = from === to ? [] : consistencyRanges(from, to)
  const leaves = show.leaves ?? leavesOf(audit.files)
  return { path: ranges.map((range) => rootOf(leaves.slice(...range)).toString('base64')) }
}

const leavesOf = (files: SignedAudit['files']) =>
  segmentsOf(files, 'local')
    .flatMap((name) => linesOf(files.get(name) ?? Buffer.alloc(0)))
    .map((line) => leafHashOf(Buffer.from(line)))

const newTerminal = () => aTerminal({ env: { HOME: folder.path, XDG_CONFIG_HOME: folder.path } })

const listOf = (...notes: readonly string[]) => ({
  checkpoints: notes.map((note) => ({ writer: note.split('\n')[0]?.split('/').at(-1), note })),
  publicKey: vkeyOf(audit.key),
})
const honest = (note: string): Show => ({ header: note, list: listOf(note) })

/** A command of its own: what it noted. */
async function command(shown: Show, manner: { json?: boolean } = {}): Promise<string> {
  show = shown
  terminal = newTerminal()
  const witness = createWitness(terminal, manner)
  await witness.createClient({ server: url }, { url, key: 'k' }).tokens.list({ limit: 1 })
  await witness.settle()
  return terminal.noted.join('\n')
}

const path = () => witnessPath(terminal, { server: url })
const keptSize = () => {
  const [log] = Object.values(readKept(path())?.logs ?? {})
  return Number(log?.note.split('\n')[1])
}

describe('an honest log', () => {
  it('is kept with the key that was seen first, and followed as it grows', async () => {
    expect(await command(honest(audit.early))).toBe('')
    expect(keptSize()).toBe(5)
    expect(await command(honest(late))).toBe('')
    expect(keptSize()).toBe(12)
    expect(readKept(path())?.publicKey).toBe(vkeyOf(audit.key))
  })

  it('is kept once by commands at the same time, by the newest', async () => {
    await command(honest(audit.early))
    await Promise.all([late, audit.early, late].map((note) => settleOnce(note)))
    expect(keptSize()).toBe(12)
  })

  async function settleOnce(note: string): Promise<void> {
    show = honest(note)
    const witness = createWitness(newTerminal(), {})
    await witness.createClient({ server: url }, { url, key: 'k' }).tokens.list({ limit: 1 })
    await witness.settle()
  }
})

describe('AU-03 a log that is not the one that was seen', () => {
  const otherKey = generateKeyPairSync('ed25519').privateKey
  const files = () =>
    new Map(audit.files).set(
      'local/0000000000000001.jsonl',
      joined(Array.from({ length: 5 }, (_each, index) => `{"seq":${index + 1}}`)),
    )

  beforeEach(async () => {
    await command(honest(late))
  })

  it.each<[string, () => Show, string]>([
    ['was cut', () => honest(audit.early), 'has 5 records, and had 12 on'],
    [
      'is signed by another',
      () => honest(signedFor(files(), { key: otherKey, writer: 'local', size: 5 })),
      'not signed with the key that was known',
    ],
    [
      'names another key',
      () => ({ list: { ...listOf(late), publicKey: vkeyOf(otherKey) } }),
      'not signed with the key that was known',
    ],
    ['has lost a writer', () => ({ list: listOf() }), 'is no longer there'],
    ['is hidden', () => ({ listStatus: 404 }), 'it no longer shows its checkpoints'],
    [
      'is of another environment',
      () => honest(late.replace('apistronghold/production', 'apistronghold/staging')),
      'not signed with the key that was known',
    ],
  ])('and %s is warned of, and what was kept stays', async (_what, shown, words) => {
    const before = readKept(path())?.logs
    const noted = await command(shown())
    expect(noted).toContain('WARNING')
    expect(noted).toContain(words)
    expect(noted).toContain(`audit verify DIR --since-checkpoint ${path()}`)
    expect(readKept(path())?.logs).toEqual(before)
    expect(await command(shown())).toContain(words)
  })

  it('is one JSON object for programs', async () => {
    const noted: unknown = JSON.parse(await command(honest(audit.early), { json: true }))
    expect(noted).toMatchObject({
      warning: { code: 'audit_doubtful', findings: [{ kind: 'cut' }], kept: path() },
    })
  })

  it('is not said of a server that refuses the key', async () => {
    expect(await command({ listStatus: 401 })).toBe('')
  })
})

/** Put back to its first records, and then written to again. */
function rolledBack(records: number) {
  const first = linesOf(audit.files.get('local/0000000000000001.jsonl') ?? Buffer.alloc(0))
  const others = Array.from(
    { length: records },
    (_each, index) => `{"seq":${index + 1},"forged":1}`,
  )
  const lines = [...first, ...others.slice(first.length)]
  const files = new Map([['local/0000000000000001.jsonl', joined(lines)]])
  const note = signedFor(files, { key: audit.key, writer: 'local' })
  return { ...honest(note), files, leaves: leavesOf(files) }
}

describe('AU-03 a log that was put back and has grown past what was seen', () => {
  it('is warned of by its first command, and what was kept stays', async () => {
    await command(honest(late))
    const noted = await command(rolledBack(14))
    expect(noted).toContain('the 14 records of apistronghold/production/local do not begin with')
    expect(keptSize()).toBe(12)
  })

  it('is warned of by every later command, in one line, until it is forgotten', async () => {
    await command(honest(late))
    await command(honest(audit.early))
    for (const records of [14, 15]) {
      const noted = await command(rolledBack(records))
      expect(noted.split('\n')).toHaveLength(1)
      expect(noted).toMatch(/WARNING: .* was found cut or rewritten on .*has 5 records, and had 12/)
    }
    const asJson: unknown = JSON.parse(await command(rolledBack(16), { json: true }))
    expect(asJson).toMatchObject({ warning: { findings: [{ kind: 'cut' }] } })
    expect(keptSize()).toBe(12)
    forget(path(), Date.now())
    expect(await command(rolledBack(16))).toBe('')
  })

  it('is not believed by `audit checkpoint` any more', async () => {
    await command(honest(late))
    await command(honest(audit.early))
    show = rolledBack(14)
    const witness = createWitness(newTerminal(), {})
    const examined = await witness.examine(witness.createClient({ server: url }, { url, key: 'k' }))
    expect(examined).toMatchObject({ doubts: [{ kind: 'cut' }], checkpoints: [] })
  })

  it('fails in `audit verify` with what was kept, though nothing else was', async () => {
    await command(honest(late))
    const forged = rolledBack(14)
    await command(forged)
    const kept = [{ name: 'kept.json', text: readFileSync(path(), 'utf8') }]
    const directory = join(folder.path, 'copy')
    putFiles(directory, audit.files)
    const verdict = await verifyAudit({ directory, kept })
    expect(verdict).toMatchObject({ isIntact: false, findings: [{ kind: 'witnessed' }] })
    expect(verdict.findings[0]?.message).toContain('do not begin with the 12')
    putFiles(directory, forged.files)
    const [writer] = (await verifyAudit({ directory, kept })).writers
    expect(writer?.findings).not.toEqual([])
  })

  it('keeps what nothing was proven of, and asks again', async () => {
    await command(honest(audit.early))
    expect(await command({ ...honest(late), proofStatus: 503 })).toBe('')
    expect(keptSize()).toBe(12)
    const unproven = () =>
      Object.values(readKept(path())?.logs ?? {}).flatMap(({ earlier }) =>
        earlier.filter(({ isUnproven }) => isUnproven),
      )
    expect(unproven().map(({ note }) => note)).toEqual([audit.early])
    const longer = [...leavesOf(audit.files), leafHashOf(Buffer.from('{"seq":13}'))]
    const files = new Map(audit.files).set('local/0000000000000013.jsonl', joined(['{"seq":13}']))
    const note = signedFor(files, { key: audit.key, writer: 'local' })
    expect(await command({ ...honest(note), leaves: longer })).toBe('')
    expect(unproven()).toEqual([])
    expect(keptSize()).toBe(13)
  })

  it('is warned of when the server refuses the proof', async () => {
    await command(honest(audit.early))
    const noted = await command({ ...honest(late), proofStatus: 404 })
    expect(noted).toContain('may have been cut or rewritten')
    expect(noted).toContain('nothing proves that the 12 records of')
    expect(await command(honest(late))).toBe('')
  })
})

describe('a hostile answer', () => {
  it.each<[string, Show]>([
    ['no note', { header: '\u001b[2J\u0000 forged' }],
    ['a note of endless length', { header: `${'x'.repeat(8000)}\n1\n` }],
    ['a list without a note', { list: { checkpoints: [], publicKey: '\u001b[2J' } }],
  ])('with %s breaks nothing, keeps nothing, and steers no terminal', async (_what, shown) => {
    const noted = await command({ list: listOf(), ...shown })
    expect(noted).not.toContain('\u001b')
    expect(Object.keys((existsSync(path()) ? readKept(path()) : undefined)?.logs ?? {})).toEqual([])
  })

  it('with a key that is none is not believed at first sight', async () => {
    const noted = await command({ header: late, list: { ...listOf(late), publicKey: '\u001b[2J' } })
    expect(noted).toContain('not signed with the key that was known')
    expect(existsSync(path())).toBe(false)
  })
})

describe('what is kept', () => {
  it('is a file below the configuration directory, whatever the server is called', () => {
    const names = ['https://../../x', 'https://a/../../b', 'https://[::1]:9/%2e%2e/', '../../x']
    for (const name of names)
      expect(join(witnessPath(terminal, { server: name }), '..')).toBe(join(path(), '..'))
  })

  it('is not written through a link, and says so', async () => {
    await command(honest(audit.early))
    const victim = folder.write('victim', 'as it was')
    const linked = createTemporaryDirectory()
    mkdirSync(join(linked.path, 'apistronghold', 'checkpoints'), { recursive: true, mode: 0o700 })
    const there = aTerminal({ env: { HOME: linked.path, XDG_CONFIG_HOME: linked.path } })
    symlinkSync(victim, witnessPath(there, { server: url }))
    const witness = createWitness(there, {})
    show = honest(late)
    await witness.createClient({ server: url }, { url, key: 'k' }).tokens.list({ limit: 1 })
    await witness.settle()
    expect(there.noted.join()).toContain('is a symbolic link')
    expect(readFileSync(victim, 'utf8')).toBe('as it was')
    linked.remove()
  })

  it('and was damaged is said, and not replaced', async () => {
    await command(honest(late))
    const half = readFileSync(path(), 'utf8').slice(0, 100)
    folder.write(path().slice(folder.path.length + 1), half)
    expect(await command(honest(late))).toContain('is damaged: move it away')
    expect(readFileSync(path(), 'utf8')).toBe(half)
  })
})
