/** Places that are full, closed, booby-trapped or slow. */

import { execFileSync, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { vkeyOf, writeSignedAudit, type SignedAudit } from '../../test/support/signed-audit.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { startUpstream, type Upstream } from '../../test/support/upstream.ts'
import { readCheckpoint, splitNotes, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { openFilePlace } from './file-place.ts'
import { openGitPlace } from './git-place.ts'
import type { AnchorPlace } from './place.ts'
import { parseTarget } from './target.ts'
import { openWebPlace, type WebPlaceParts } from './web-place.ts'

let audit: SignedAudit
let folder: TemporaryDirectory
let early: SignedCheckpoint
let late: SignedCheckpoint

beforeAll(async () => {
  audit = await writeSignedAudit()
  const notes = [audit.early, audit.files.get('local/checkpoint')?.toString() ?? '']
  const [first, second] = notes.flatMap((note) => readCheckpoint(note) ?? [])
  if (!first || !second) throw new Error('no checkpoints')
  early = first
  late = second
})

beforeEach(() => {
  folder = createTemporaryDirectory()
})
afterEach(() => {
  folder.remove()
})

const hand = (place: AnchorPlace, ...checkpoints: readonly SignedCheckpoint[]) =>
  place.write({ checkpoints, publicKey: vkeyOf(audit.key), at: 0 })

describe('a file', () => {
  const path = () => join(folder.path, 'anchors.txt')

  /** In a process that may write files of one kilobyte and no larger ones. */
  function handInBounds(): string {
    const script = `
      import { openFilePlace } from ${JSON.stringify(new URL('file-place.ts', import.meta.url).href)}
      const checkpoint = ${JSON.stringify({ origin: late.origin, size: late.size, note: late.note })}
      await openFilePlace(${JSON.stringify(path())}).write({ checkpoints: [checkpoint] }).catch(
        ({ code, message }) => process.stdout.write(code + ': ' + message))`
    const limited = ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"']
    return spawnSync('bash', [...limited, process.execPath, script], { encoding: 'utf8' }).stdout
  }

  it('on a disk that is full is not said to have taken it, and goes on when there is room', async () => {
    const before = `${early.note}\n`.repeat(8)
    writeFileSync(path(), before.slice(0, 1000 - (1000 % (early.note.length + 1))))
    const known = readFileSync(path(), 'utf8')
    expect(handInBounds()).toMatch(/^refused: .*(took a part only|cannot be used: E)/)
    expect(readFileSync(path(), 'utf8').startsWith(known)).toBe(true)
    await hand(openFilePlace(path()), late)
    expect(openFilePlace(path()).known.get(late.origin)?.size).toBe(12)
  })

  it.each<[string, () => string]>([
    ['a pipe', () => madeWith('mkfifo')],
    ['a device', () => '/dev/null'],
  ])('that is %s is no place, and is not waited for', (_what, make) => {
    expect(() => openFilePlace(make())).toThrow('it is no regular file')
  })

  it('of something else is left as it is', () => {
    const profile = folder.write('.profile', 'export A=1\n')
    expect(() => openFilePlace(profile)).toThrow('something else in it than checkpoints')
    expect(readFileSync(profile, 'utf8')).toBe('export A=1\n')
  })

  it('torn within its first word is taken up again', async () => {
    folder.write('anchors.txt', 'apis')
    await hand(openFilePlace(path()), early)
    expect(splitNotes(readFileSync(path(), 'utf8'))).toEqual([early.note])
  })

  it('may be handed to by two at once', async () => {
    const places = [openFilePlace(path()), openFilePlace(path())]
    await Promise.all(places.map((place) => hand(place, early)))
    expect(splitNotes(readFileSync(path(), 'utf8'))).toEqual([early.note, early.note])
  })

  function madeWith(command: string): string {
    execFileSync(command, [path()])
    return path()
  }
})

describe('a git work tree', () => {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: folder.path, encoding: 'utf8', stdio: 'pipe' })
  const open = (env: Readonly<Record<string, string | undefined>> = process.env) =>
    openGitPlace({ directory: folder.path, isPushed: false, env })

  beforeEach(() => {
    git('init', '--quiet')
    git('config', 'user.email', 'anchor@example.com')
    git('config', 'user.name', 'Anchor')
    git('config', 'commit.gpgsign', 'false')
  })

  it.each([
    'apistronghold',
    'apistronghold/production',
    'apistronghold/production/local.checkpoint',
  ])('with a link at %s is not written through', async (name) => {
    const outside = createTemporaryDirectory()
    const target = outside.write('kept', 'as it was')
    mkdirSync(join(folder.path, name, '..'), { recursive: true })
    symlinkSync(name.endsWith('.checkpoint') ? target : outside.path, join(folder.path, name))
    await expect(hand(await open(), early)).rejects.toThrow('has a symbolic link in the place of')
    expect(readdirSync(outside.path)).toEqual(['kept'])
    expect(readFileSync(target, 'utf8')).toBe('as it was')
    outside.remove()
  })

  it('does not read a link as what was anchored', async () => {
    mkdirSync(join(folder.path, 'apistronghold/production'), { recursive: true })
    symlinkSync('/dev/zero', join(folder.path, `${early.origin}.checkpoint`))
    expect((await open()).known.size).toBe(0)
  })

  it('on no branch is refused, since nothing would hold its commits', async () => {
    git('commit', '--quiet', '--allow-empty', '--message', 'first')
    git('checkout', '--quiet', '--detach')
    await expect(open()).rejects.toThrow('is on no branch')
  })

  it('whose commits cannot be signed says so, and commits once they can', async () => {
    git('config', 'commit.gpgsign', 'true')
    git('config', 'gpg.program', '/bin/false')
    await expect(hand(await open(), early)).rejects.toThrow('git commit in')
    git('config', 'commit.gpgsign', 'false')
    await hand(await open())
    expect(git('log', '--format=%s').trim()).toBe('Anchor the audit')
  })

  it('is not held up by a hook that asks', async () => {
    const hook = join(folder.path, '.git/hooks/pre-commit')
    mkdirSync(join(hook, '..'), { recursive: true })
    writeFileSync(hook, '#!/bin/sh\nread answer\nexit 0\n')
    chmodSync(hook, 0o755)
    await hand(await open(), early)
    expect(git('log', '--format=%s').trim()).toBe('Anchor the audit')
  })

  it('needs git, and says so', async () => {
    await expect(open({ PATH: '/nowhere' })).rejects.toMatchObject({
      code: 'refused',
      message: /git cannot be run in .*ENOENT/,
    })
  })

  it('with something in the way is refused in words', async () => {
    folder.write('apistronghold', 'a file')
    await expect(hand(await open(), early)).rejects.toMatchObject({
      code: 'refused',
      message: /cannot be used: E/,
    })
  })
})

describe('a server', () => {
  let upstream: Upstream

  beforeEach(async () => {
    upstream = await startUpstream()
    upstream.respond(() => ({ status: 201 }))
  })
  afterEach(async () => {
    await upstream.close()
  })

  function open(text: string, parts: Partial<WebPlaceParts> = {}): AnchorPlace {
    const target = parseTarget(text)
    if (!target.ok || target.value.kind !== 'web') throw new Error('no web target')
    const trust = { secret: undefined, ca: upstream.ca, allowPrivateAddress: true }
    return openWebPlace({ ...target.value, ...trust, known: new Map(), ...parts })
  }
  const store = (query = '') => `put+https://127.0.0.1:${upstream.port}/anchors/${query}`

  it('with a path to put below gets an object for each checkpoint, and none twice', async () => {
    await hand(open(store('?sig=s')), early)
    await hand(open(store('?sig=s')), late)
    expect(upstream.requests.map(({ method, target }) => [method, target])).toEqual(
      [early, late].map(({ origin, size, root }) => [
        'PUT',
        `/anchors/${origin}/${String(size).padStart(16, '0')}-${root.toString('hex').slice(0, 16)}.note?sig=s`,
      ]),
    )
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual([early.note, late.note])
    const conditions = upstream.requests.map(({ headers }) =>
      headers.find(([name]) => name.toLowerCase() === 'if-none-match'),
    )
    expect(conditions.map((header) => header?.[1])).toEqual(['*', '*'])
  })

  it('that has such an object already has taken it', async () => {
    upstream.respond(() => ({ status: 412 }))
    await hand(open(store()), early)
    const posting = hand(open(store().replace('put+', '')), early)
    await expect(posting).rejects.toThrow('it answered 412')
  })

  it('gets no object whose name would climb out of the path', async () => {
    const climbing = { ...early, origin: 'apistronghold/../../x' }
    await expect(hand(open(store()), climbing)).rejects.toThrow('a name that can be no file')
    expect(upstream.requests).toEqual([])
  })

  it('that never answers is given up, with nothing of its path', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const waiting = hand(open(`http://127.0.0.1:${port}/canary`, { timeoutMs: 200 }), early)
    await expect(waiting).rejects.toMatchObject({
      code: 'refused',
      message: `http://127.0.0.1:${port} did not take it: it did not answer in time`,
    })
    silent.close()
  })
})

it('leaves nothing beside what it has put into a work tree', async () => {
  execFileSync('git', ['init', '--quiet'], { cwd: folder.path })
  execFileSync('git', ['config', 'user.email', 'a@example.com'], { cwd: folder.path })
  execFileSync('git', ['config', 'user.name', 'A'], { cwd: folder.path })
  execFileSync('git', ['config', 'commit.gpgsign', 'false'], { cwd: folder.path })
  const place = await openGitPlace({ directory: folder.path, isPushed: false, env: process.env })
  await hand(place, early)
  const names = readdirSync(join(folder.path, early.origin, '..'))
  expect(names).toEqual(['local.checkpoint'])
  expect(existsSync(join(folder.path, '.git'))).toBe(true)
})
