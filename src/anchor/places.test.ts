import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  joined,
  signedFor,
  vkeyOf,
  writeSignedAudit,
  type SignedAudit,
} from '../../test/support/signed-audit.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { startUpstream, type Upstream } from '../../test/support/upstream.ts'
import { readCheckpoint, splitNotes, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Secret } from '../secret/secret.ts'
import { openFilePlace } from './file-place.ts'
import { openGitPlace } from './git-place.ts'
import { newsFor, type AnchorPlace } from './place.ts'
import { parseTarget, type AnchorTarget } from './target.ts'
import { openWebPlace, type WebPlaceParts } from './web-place.ts'

const AT = Date.parse('2026-11-24T12:00:00Z')

let audit: SignedAudit
let folder: TemporaryDirectory
let early: SignedCheckpoint
let late: SignedCheckpoint

const parsed = (note: string): SignedCheckpoint => {
  const checkpoint = readCheckpoint(note)
  if (!checkpoint) throw new Error('no checkpoint')
  return checkpoint
}

beforeAll(async () => {
  audit = await writeSignedAudit()
  early = parsed(audit.early)
  late = parsed(audit.files.get('local/checkpoint')?.toString() ?? '')
})

beforeEach(() => {
  folder = createTemporaryDirectory()
})

afterEach(() => {
  folder.remove()
})

const hand = (place: AnchorPlace, ...checkpoints: readonly SignedCheckpoint[]) =>
  place.write({ checkpoints, publicKey: vkeyOf(audit.key), at: AT })

describe('what is new at a place', () => {
  const knowing = (checkpoint: SignedCheckpoint) => ({
    name: 'there',
    known: new Map([[checkpoint.origin, checkpoint]]),
  })

  it('is what it has not seen, or less of', () => {
    expect(newsFor({ name: 'there', known: new Map() }, [early])).toEqual([early])
    expect(newsFor(knowing(early), [late])).toEqual([late])
    expect(newsFor(knowing(late), [late])).toEqual([])
  })

  it('AU-03 is never less than it has seen, nor another log of the same length', () => {
    expect(() => newsFor(knowing(late), [early])).toThrow('there has 12 records of')
    const files = new Map(audit.files).set(
      'local/0000000000000001.jsonl',
      joined(['{"seq":1}', '{}', '{}', '{}']),
    )
    const other = parsed(signedFor(files, { key: audit.key, writer: 'local' }))
    expect(() => newsFor(knowing(late), [other])).toThrow('the log was rewritten')
  })
})

describe('a file', () => {
  const path = () => join(folder.path, 'anchors.txt')

  it('grows by a note at a time and is its own history', async () => {
    await hand(openFilePlace(path()), early)
    await hand(openFilePlace(path()), late)
    expect(splitNotes(readFileSync(path(), 'utf8'))).toEqual([early.note, late.note])
    expect(openFilePlace(path()).known.get(late.origin)?.size).toBe(12)
  })

  it('goes on behind a note that a crash has torn', async () => {
    writeFileSync(path(), `${early.note}\n${late.note.slice(0, 60)}`)
    const place = openFilePlace(path())
    expect(place.known.get(early.origin)?.size).toBe(5)
    await hand(place, late)
    expect(openFilePlace(path()).known.get(late.origin)?.size).toBe(12)
  })

  it('stays away where there is nothing to write', async () => {
    await hand(openFilePlace(path()))
    expect(existsSync(path())).toBe(false)
  })

  it.each<[string, () => string]>([
    ['a directory', () => folder.path],
    ['a directory that is not there', () => join(folder.path, 'no', 'such')],
    ['a file below a file', () => join(folder.write('file', ''), 'below')],
  ])('says in words that %s cannot be used', async (_what, place) => {
    const using = async () => hand(openFilePlace(place()), early)
    await expect(using()).rejects.toMatchObject({
      code: 'refused',
      message: /cannot be used: (E|it is)/,
    })
  })
})

describe('a git work tree', () => {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, {
      cwd: folder.path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const open = (directory = folder.path, isPushed = false) =>
    openGitPlace({ directory, isPushed, env: { ...process.env, GIT_DIR: '/nowhere' } })

  beforeEach(() => {
    git('init', '--quiet')
    git('config', 'user.email', 'anchor@example.com')
    git('config', 'user.name', 'Anchor')
    git('config', 'commit.gpgsign', 'false')
  })

  it('gets a file for each log, and a commit for each time that one grew', async () => {
    await hand(await open(), early)
    await hand(await open(), late)
    await hand(await open())
    const file = `${late.origin}.checkpoint`
    expect(readFileSync(join(folder.path, file), 'utf8')).toBe(late.note)
    expect(git('show', `HEAD~1:${file}`)).toBe(early.note)
    expect(
      git('log', '--format=%s|%b')
        .trim()
        .split('\n')
        .filter((line) => line !== ''),
    ).toEqual([`Anchor the audit|${late.origin} 12`, `Anchor the audit|${early.origin} 5`])
    expect((await open()).known.get(late.origin)).toEqual(late)
  })

  it('leaves alone what else is staged or changed there', async () => {
    folder.write('mine.txt', 'staged')
    git('add', 'mine.txt')
    await hand(await open(), early)
    expect(git('show', '--name-only', '--format=').trim()).toBe(`${early.origin}.checkpoint`)
    expect(git('diff', '--cached', '--name-only').trim()).toBe('mine.txt')
  })

  it('commits what a former run had written and no more', async () => {
    mkdirSync(join(folder.path, 'apistronghold/production'), { recursive: true })
    folder.write(`${early.origin}.checkpoint`, early.note)
    const place = await open()
    expect(newsFor(place, [early])).toEqual([])
    await hand(place)
    expect(git('log', '--format=%s').trim()).toBe('Anchor the audit')
  })

  it('takes no file for a checkpoint that is named after another log', async () => {
    folder.write('other.checkpoint', late.note)
    expect((await open()).known.size).toBe(0)
  })

  it('says that a push failed without a word of where to', async () => {
    git('remote', 'add', 'origin', 'https://user:canary@127.0.0.1:1/x.git')
    git('config', 'push.default', 'current')
    const pushing = hand(await open(folder.path, true), early)
    await expect(pushing).rejects.toMatchObject({
      code: 'refused',
      message: /git push in .* failed/,
    })
    await expect(pushing).rejects.not.toThrow('canary')
  })

  it('refuses a writer whose name would leave the tree, and a place that is none', async () => {
    const climbing = { ...early, origin: 'apistronghold/../../x' }
    await expect(hand(await open(), climbing)).rejects.toThrow('a name that can be no file')
    const outside = createTemporaryDirectory()
    await expect(open(outside.path)).rejects.toThrow('is no work tree')
    outside.remove()
  })

  it('fails in words when a hook refuses', async () => {
    const hook = join(folder.path, '.git/hooks/pre-commit')
    mkdirSync(join(folder.path, '.git/hooks'), { recursive: true })
    writeFileSync(hook, '#!/bin/sh\nexit 1\n')
    chmodSync(hook, 0o755)
    await expect(hand(await open(), early)).rejects.toThrow('git commit in')
  })
})

describe('a server', () => {
  let upstream: Upstream

  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(async () => {
    await upstream.close()
  })
  beforeEach(() => {
    upstream.forget()
    upstream.respond(() => ({ status: 200 }))
  })

  function targetOf(text: string): AnchorTarget & { readonly kind: 'web' } {
    const target = parseTarget(text)
    if (!target.ok || target.value.kind !== 'web') throw new Error('no web target')
    return target.value
  }

  const open = (scheme: string, parts: Partial<WebPlaceParts> = {}) =>
    openWebPlace({
      ...targetOf(`${scheme}://127.0.0.1:${upstream.port}/hooks/canary-path?sig=canary-query`),
      ...{ secret: undefined, ca: upstream.ca, allowPrivateAddress: true, known: new Map() },
      ...parts,
    })

  it('is posted a signed message, whose id is that of its checkpoints', async () => {
    const secret = new Secret(`whsec_${Buffer.alloc(24, 1).toString('base64')}`)
    await hand(open('https', { secret }), early)
    await hand(open('https', { secret }), early)
    const [first, second] = upstream.requests
    const headers = Object.fromEntries(
      first?.headers.map(([name, value]) => [name.toLowerCase(), value]) ?? [],
    )
    expect(first?.method).toBe('POST')
    expect(headers).toMatchObject({
      'webhook-signature': /^v1,/,
      'webhook-timestamp': String(AT / 1000),
    })
    expect(second?.headers.find(([name]) => name.toLowerCase() === 'webhook-id')?.[1]).toBe(
      headers['webhook-id'],
    )
    expect(JSON.parse(first?.body.toString() ?? '')).toMatchObject({
      type: 'audit.checkpoint',
      data: {
        publicKey: vkeyOf(audit.key),
        checkpoints: [{ origin: early.origin, size: 5, note: early.note }],
      },
    })
  })

  it('is put one object with the notes of all logs', async () => {
    const other = { ...early, origin: 'apistronghold/production/worker-1' }
    await hand(open('put+https', { known: new Map([[other.origin, other]]) }), late)
    expect(upstream.requests[0]).toMatchObject({ method: 'PUT' })
    expect(upstream.requests[0]?.body.toString()).toBe(`${other.note}\n${late.note}`)
  })

  it.each<[string, () => void, RegExp]>([
    [
      'an error',
      () => {
        upstream.respond(() => ({ status: 500 }))
      },
      /it answered 500/,
    ],
    [
      'a redirect',
      () => {
        upstream.respond(() => ({ status: 307, headers: { location: 'https://evil.example/' } }))
      },
      /it redirects elsewhere/,
    ],
    [
      'a cut connection',
      () => {
        upstream.respond(() => 'reset')
      },
      /the connection failed/,
    ],
  ])(
    'that answers with %s has not taken it, and its path is not shown',
    async (_what, script, words) => {
      script()
      const failed: unknown = await hand(open('https'), early).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'refused', message: words })
      expect(String(failed)).not.toContain('canary')
    },
  )

  it('CE-08 in a private network is not dialled unless that was allowed', async () => {
    await expect(hand(open('https', { allowPrivateAddress: false }), early)).rejects.toMatchObject({
      code: 'refused',
    })
    expect(upstream.requests).toEqual([])
  })

  it('CE-10 under an authority that nobody named is not trusted', async () => {
    await expect(hand(open('https', { ca: undefined }), early)).rejects.toMatchObject({
      code: 'refused',
    })
    expect(upstream.requests).toEqual([])
  })
})

describe('a target', () => {
  it.each<[string, object]>([
    ['anchors.txt', { kind: 'file', path: 'anchors.txt' }],
    ['file:/mnt/worm/anchors', { kind: 'file', path: '/mnt/worm/anchors' }],
    ['git:../anchors', { kind: 'git', directory: '../anchors' }],
    ['https://example.com/hook', { kind: 'web', method: 'POST' }],
    ['put+https://bucket.s3.amazonaws.com/a?X-Amz-Signature=s', { kind: 'web', method: 'PUT' }],
    ['http://127.0.0.1:9000/hook', { kind: 'web', method: 'POST' }],
  ])('%s is understood', (text, expected) => {
    expect(parseTarget(text)).toMatchObject({ ok: true, value: expected })
  })

  it.each([
    '',
    'ftp://example.com/canary',
    'http://example.com/canary',
    'https://user:canary@example.com/',
    'https:///canary',
  ])('%j is refused without being quoted', (text) => {
    const target = parseTarget(text)
    expect(target.ok).toBe(false)
    expect(target.ok ? '' : target.error).not.toContain('canary')
  })
})

it('follows a link to the file that an operator put there', async () => {
  symlinkSync(folder.write('real.txt', ''), join(folder.path, 'link.txt'))
  await hand(openFilePlace(join(folder.path, 'link.txt')), early)
  expect(readFileSync(join(folder.path, 'real.txt'), 'utf8')).toBe(early.note)
})
