/** A server that is honest, forgetful, silent or hostile, as the witness of an operator sees it. */

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  joined,
  signedFor,
  vkeyOf,
  writeSignedAudit,
  type SignedAudit,
} from '../../test/support/signed-audit.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { aTerminal, type CollectingTerminal } from './terminal.testing.ts'
import { readKept, witnessPath } from './witness-file.ts'
import { createWitness } from './witness.ts'

/** What the server shows. */
interface Show {
  /** In the header of each answer. */
  readonly header?: string
  readonly list?: object
  readonly listStatus?: number
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
    const status = isList ? (show.listStatus ?? 200) : 200
    answer.statusCode = status
    const problem = {
      type: 'about:blank',
      title: 't',
      status,
      code: 'c',
      detail: 'd',
      requestId: 'r',
    }
    const body = status === 200 ? (isList ? show.list : { items: [], nextCursor: null }) : problem
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
    const before = readFileSync(path(), 'utf8')
    const noted = await command(shown())
    expect(noted).toContain('WARNING')
    expect(noted).toContain(words)
    expect(noted).toContain(`audit verify DIR --since-checkpoint ${path()}`)
    expect(readFileSync(path(), 'utf8')).toBe(before)
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
