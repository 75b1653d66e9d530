/** `audit verify`, `prove` and `check-proof` as somebody runs them who has a copied log and no server. */

import { spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatVkey } from '../../src/audit/note.ts'
import { run, type Finished } from '../support/command.ts'
import {
  filesIn,
  joined,
  linesOf,
  putFiles,
  segmentsOf,
  signedFor,
  WRITERS,
  writeSignedAudit,
  type SignedAudit,
} from '../support/signed-audit.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'

const place = createTemporaryDirectory()
let audit: SignedAudit

beforeAll(async () => {
  audit = await writeSignedAudit()
  place.write('early.note', audit.early)
  place.write('key.pub', audit.publicKey)
})

afterAll(() => {
  place.remove()
})

/** A copy under this name, perhaps with other lines in its second segment. */
function copied(name: string, change?: (lines: string[]) => string[]): string {
  const files = new Map(audit.files)
  const second = segmentsOf(files, 'local')[1] ?? ''
  if (change) files.set(second, joined(change(linesOf(files.get(second) ?? Buffer.alloc(0)))))
  putFiles(join(place.path, name), files)
  return name
}

function emptied(name: string): string {
  mkdirSync(join(place.path, name), { recursive: true })
  return name
}

const command = (...args: readonly string[]): Promise<Finished> =>
  run(['audit', ...args], { directory: place.path })

const changed = (lines: string[]) => lines.with(1, lines[1]!.replace('Z"', 'X"'))

describe('AU-03 audit verify on a copy', () => {
  it('needs nothing but the directory, and says what vouches for it', async () => {
    const { code, stdout } = await command('verify', copied('good'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/local +12 +3 .*intact/)
    expect(stdout).toMatch(/worker-1 +8 +2 .*intact/)
    expect(stdout).toContain('The public key came from the same place as the log')
    expect(stdout).toMatch(/^intact: 20 records/m)
  })

  it('ends with 5 and names the first record that is wrong', async () => {
    const { code, stdout, stderr } = await command('verify', copied('bad', changed))
    expect(code).toBe(5)
    expect(stdout).toContain('NOT intact: 1 found')
    expect(stderr).toMatch(/local: record 6 \(0{15}5\.jsonl, line 2, byte \d+\): changed/)
  })

  it('says the same to programs', async () => {
    const { code, stdout } = await command('verify', copied('bad', changed), '--json')
    expect(code).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({
      isIntact: false,
      keyFrom: 'directory',
      writers: [{ writer: 'local', findings: [{ kind: 'changed', seq: 6, line: 2 }] }, {}],
    })
  })

  it.each([
    ['a key', () => ['--public-key', audit.publicKey]],
    ['a file with the key', () => ['--public-key', 'key.pub']],
    ['a kept checkpoint', () => ['--since-checkpoint', 'early.note', '--public-key', 'key.pub']],
  ])('holds it to %s', async (_what, options) => {
    const { code, stdout } = await command('verify', copied('good'), ...options())
    expect([code, stdout.includes('came from the same place')]).toEqual([0, false])
  })

  it('holds it to what the command line keeps of a server, and to several notes', async () => {
    const newest = audit.files.get('local/checkpoint')?.toString() ?? ''
    const kept = { publicKey: audit.publicKey, logs: { any: { note: newest } } }
    place.write('kept.json', JSON.stringify(kept))
    place.write('notes', `${audit.early}${newest}`)
    const options = ['--since-checkpoint', 'kept.json', '--since-checkpoint', 'notes']
    expect((await command('verify', copied('good'), ...options)).code).toBe(0)
    const cut = copied('cut', (lines) => lines.slice(0, 2))
    const { code, stderr } = await command('verify', cut, ...options)
    expect([code, stderr]).toEqual([5, expect.stringMatching(/records 7 to 8 .*removed/)])
  })

  it('leaves out a last note that a crash has torn, and says so', async () => {
    const newest = audit.files.get('local/checkpoint')?.toString() ?? ''
    place.write('torn.txt', `${audit.early}\n${newest.slice(0, 60)}`)
    const since = ['--since-checkpoint', 'torn.txt']
    const remark = 'torn.txt: its last note is torn'
    const verified = await command('verify', copied('good'), ...since)
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining(remark)])
    const proven = await command('prove', ...since, '--dir', copied('good'))
    expect([proven.code, proven.stderr]).toEqual([0, expect.stringContaining(remark)])
  })

  it.each<[string, () => string[], string]>([
    ['no such directory', () => ['nowhere'], 'there is no audit in'],
    ['an empty directory', () => [emptied('empty')], 'there is no audit in'],
    [
      'no such file',
      () => [copied('good'), '--since-checkpoint', 'nothing'],
      'nothing cannot be read (ENOENT)',
    ],
    [
      'no checkpoint',
      () => [copied('good'), '--since-checkpoint', 'key.pub'],
      'key.pub holds no signed checkpoints',
    ],
    [
      'no key',
      () => [copied('good'), '--public-key', 'early.note'],
      'is no verifier key, or was changed',
    ],
  ])('says what to do about %s', async (_what, args, expected) => {
    const { code, stderr } = await command('verify', ...args())
    expect(code).not.toBe(0)
    expect(code).not.toBe(5)
    expect(stderr).toContain(expected)
  })

  it('does not take a new key under a new name for another log', async () => {
    const { privateKey: key } = generateKeyPairSync('ed25519')
    const name = copied('renamed')
    const files = filesIn(join(place.path, name))
    for (const writer of WRITERS)
      files.set(
        `${writer}/checkpoint`,
        Buffer.from(signedFor(files, { key, writer, log: 'apistronghold/copy' })),
      )
    const publicKey = formatVkey({ name: 'apistronghold/copy', publicKey: createPublicKey(key) })
    putFiles(join(place.path, name), files.set('checkpoint.pub', Buffer.from(`${publicKey}\n`)))
    expect((await command('verify', name)).code).toBe(0)
    const { code, stderr } = await command('verify', name, '--since-checkpoint', 'early.note')
    expect([code, stderr]).toEqual([5, expect.stringContaining('compared with nothing')])
  })

  it.each<[string, string, (path: string) => unknown]>([
    ['a pipe', 'checkpoint', (path) => spawnSync('mkfifo', [path])],
    ['a pipe', '0000000000000001.hashes', (path) => spawnSync('mkfifo', [path])],
    ['a directory', '0000000000000001.jsonl', (path) => spawnSync('mkdir', [path])],
    ['a link', 'frontier', (path) => spawnSync('ln', ['-s', '/dev/zero', path])],
  ])('waits for nothing where %s has the name of %s', async (_what, file, put) => {
    const path = join(place.path, copied('strange'), 'local', file)
    rmSync(path)
    put(path)
    const { code, stderr } = await command('verify', 'strange')
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(`${path} is no regular`)])
  })

  it('asks for the key when there is none', async () => {
    rmSync(join(place.path, copied('keyless'), 'checkpoint.pub'))
    const { code, stderr } = await command('verify', 'keyless')
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('give --public-key')])
  })

  it('names what is gone but for its hashes, and that no record says why', async () => {
    const name = copied('retired')
    rmSync(join(place.path, name, 'local', '0000000000000001.jsonl'))
    const { code, stderr } = await command('verify', name)
    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/records 1 to 4: deleted, .* no signed record says/),
    ])
  })
})

describe('audit prove', () => {
  it('writes a proof for a third party, who needs the key alone', async () => {
    const proved = await command('prove', '7', '--dir', copied('good'), '--output', 'seven.proof')
    expect(proved.code).toBe(0)
    rmSync(join(place.path, 'good'), { recursive: true })
    const checked = await command('check-proof', 'seven.proof', '--public-key', 'key.pub')
    expect(checked.code).toBe(0)
    expect(checked.stdout).toContain('{"seq":7,')
    expect(checked.stdout).toContain(
      'is record 7 of apistronghold/production/local, as signed over 12',
    )
  })

  it('finds the record of a request, whichever writer wrote it', async () => {
    const [name = ''] = segmentsOf(audit.files, 'worker-1')
    const line = linesOf(audit.files.get(name)!).find((one) => one.includes('"kind":"intent"'))!
    const { seq, requestId } = JSON.parse(line) as { seq: number; requestId: string }
    // The same request is on the other writer's record too; alone, only this one can be meant.
    const copy = copied('requests')
    rmSync(join(place.path, copy, 'local'), { recursive: true })
    place.write('asked.proof', (await command('prove', requestId, '--dir', copy)).stdout)
    const checked = await command('check-proof', 'asked.proof', '--public-key', 'key.pub', '--json')
    expect(JSON.parse(checked.stdout)).toEqual({
      ...{ origin: 'apistronghold/production/worker-1', size: 8, seq, record: line },
    })
  })

  it('does not hold for another record, another key, or what is no proof', async () => {
    const text = (await command('prove', '7', '--dir', copied('good'))).stdout
    place.write('seven.proof', text)
    place.write('other.proof', text.replace('index 6', 'index 5'))
    place.write('other.json', '{"seq":7}\n')
    const key = ['--public-key', audit.publicKey]
    expect((await command('check-proof', 'seven.proof', ...key)).code).toBe(0)
    expect((await command('check-proof', 'other.proof', ...key)).code).toBe(5)
    const other = ['--record', 'other.json']
    expect((await command('check-proof', 'seven.proof', ...key, ...other)).code).toBe(5)
    expect((await command('check-proof', 'key.pub', ...key)).stderr).toContain('holds no proof')
  })

  it('proves a record that was retired to who has a copy of it', async () => {
    const name = copied('retired')
    const segment = join(place.path, name, 'local', '0000000000000001.jsonl')
    place.write('second.json', `${linesOf(readFileSync(segment))[1]}\n`)
    rmSync(segment)
    place.write('second.proof', (await command('prove', '2', '--dir', name)).stdout)
    const key = ['--public-key', 'key.pub']
    const alone = await command('check-proof', 'second.proof', ...key)
    expect(alone.stderr).toContain('give the record with --record')
    const checked = await command('check-proof', 'second.proof', ...key, '--record', 'second.json')
    expect([checked.code, checked.stdout]).toEqual([0, expect.stringContaining('is record 2 of')])
  })

  it('proves that the log only grew since a checkpoint', async () => {
    const since = ['--since-checkpoint', 'early.note']
    place.write('growth', (await command('prove', ...since, '--dir', copied('good'))).stdout)
    const checked = await command('check-proof', 'growth', '--public-key', 'key.pub', ...since)
    expect([checked.code, checked.stdout]).toEqual([
      0,
      expect.stringContaining('apistronghold/production/local only grew, from 5 records to 12'),
    ])
  })

  describe('from a file with the checkpoints of several writers', () => {
    const since = ['--since-checkpoint', 'anchors.txt']
    const prove = (...args: readonly string[]) =>
      command('prove', ...since, '--dir', copied('good'), ...args)
    const check = (...args: readonly string[]) =>
      command('check-proof', 'growth', '--public-key', 'key.pub', ...args)

    beforeAll(() => {
      const size = (writer: string, records: number) =>
        signedFor(audit.files, { key: audit.key, writer, size: records })
      const notes = [size('local', 9), size('worker-1', 3), size('worker-1', 6), size('local', 5)]
      const elsewhere = notes[0]!.replaceAll('/production/', '/staging/')
      place.write('anchors.txt', [...notes, elsewhere].join('\n'))
      place.write('elsewhere.txt', elsewhere)
    })

    it.each([
      ['local', 9, 12],
      ['worker-1', 6, 8],
    ])('takes the newest of %s', async (writer, from, to) => {
      place.write('growth', (await prove('--writer', writer)).stdout)
      const checked = await check(...since)
      expect([checked.code, checked.stdout]).toEqual([
        0,
        expect.stringContaining(`production/${writer} only grew, from ${from} records to ${to}`),
      ])
      const other = await check('--since-checkpoint', 'early.note')
      expect([other.code, other.stderr]).toEqual([
        2,
        expect.stringContaining(`no checkpoint of apistronghold/production/${writer} over ${from}`),
      ])
    })

    it('says which writers there are where it is not told', async () => {
      const { code, stderr } = await prove()
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('give --writer with one of local, worker-1'),
      ])
      const other = await prove('--writer', 'worker-2')
      expect([other.code, other.stderr]).toEqual([
        2,
        expect.stringContaining('no checkpoint of worker-2: it has those of local, worker-1'),
      ])
    })

    it('takes none of another environment', async () => {
      const args = ['prove', '--since-checkpoint', 'elsewhere.txt', '--dir', copied('good')]
      const { code, stderr } = await command(...args)
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('holds no checkpoint of apistronghold/production'),
      ])
    })

    it('AU-03 is not consistent with a checkpoint of other records', async () => {
      const files = new Map(audit.files)
      const [name = ''] = segmentsOf(files, 'local')
      files.set(name, joined(changed(linesOf(files.get(name)!))))
      const forged = signedFor(files, { key: audit.key, writer: 'local', size: 9 })
      place.write('growth', (await prove('--writer', 'local')).stdout)
      place.write('both.txt', `${readFileSync(join(place.path, 'anchors.txt'), 'utf8')}\n${forged}`)
      expect((await check('--since-checkpoint', 'both.txt')).code).toBe(5)
    })
  })

  it('proves nothing of a log that is not as it was signed', async () => {
    const name = copied('forged', changed)
    const { code, stderr } = await command('prove', '6', '--dir', name)
    expect([code, stderr]).toEqual([5, expect.stringContaining('audit verify')])
  })

  it.each([
    [['prove', '--dir', 'good'], 'say which record'],
    [['prove', 'req_1', '--dir', 'good'], 'say which record'],
    [['prove', `req_${'f'.repeat(32)}`, '--dir', 'good'], 'there is no record of req_f'],
    [['prove', '99', '--dir', 'good'], 'covers records 1 to 12 only'],
    [['prove', '1', '--dir', 'good', '--writer', 'nobody'], 'there is no checkpoint of nobody'],
  ])('%j says what is missing', async (args, expected) => {
    copied('good')
    const { code, stderr } = await command(...args)
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(expected)])
  })
})

it('writes nothing into the copy', async () => {
  const name = copied('untouched')
  await command('verify', name)
  expect(filesIn(join(place.path, name))).toEqual(audit.files)
})
