/** Operators as witnesses, and second places for checkpoints, with a server whose log is put back. */

import { execFileSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { run } from '../support/command.ts'
import { createFakeAws, REAL_PAIR } from '../support/fake-aws.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let upstream: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  upstream = await startUpstream()
  proxy = await startProxy({ services: [{ id: 'stripe', secret: makeKey('sk_live_'), upstream }] })
  proxy.directory.write('ca.pem', upstream.ca)
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

/** With modes: the server refuses what others may read. */
const copyTree = (from: string, to: string) => execFileSync('cp', ['-a', from, to])

const audit = (...args: readonly string[]) => proxy.command(['audit', ...args])
const place = (...path: readonly string[]) => join(proxy.directory.path, ...path)

/** Another record, and the checkpoint that covers it. */
async function grow(): Promise<void> {
  const sizeOf = async () =>
    Number((await proxy.client().audit.checkpoints()).checkpoints[0]?.note.split('\n')[1])
  const before = await sizeOf()
  await proxy.issue('stripe:read')
  while ((await sizeOf()) <= before) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('audit checkpoint', () => {
  it('shows how far each log goes, and saves the notes for an offline proof', async () => {
    await grow()
    const { code, stdout } = await audit('checkpoint', '--save', 'saved.note')
    expect(code).toBe(0)
    expect(stdout).toMatch(/apistronghold\/production\/local +\d+/)
    expect(stdout).toMatch(/key +apistronghold\/production\+[0-9a-f]{8}\+/)
    const verified = await audit('verify', '--since-checkpoint', 'saved.note')
    expect(verified.code).toBe(0)
    expect((await audit('checkpoint', '--save', 'saved.note')).stderr).toContain('is there already')
  })

  it('keeps what was seen in a file that audit verify takes', async () => {
    const { file } = JSON.parse((await audit('checkpoint', '--json')).stdout) as { file: string }
    expect((await audit('verify', '--since-checkpoint', file)).code).toBe(0)
  })
})

describe('audit anchor', () => {
  it('hands over what is new, and says so when nothing is', async () => {
    await grow()
    const first = await audit('anchor', '--to', 'anchors.txt')
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(/anchors\.txt: apistronghold\/production\/local \d+/),
    ])
    await grow()
    expect((await audit('anchor', '--to', 'anchors.txt')).code).toBe(0)
    expect((await audit('verify', '--since-checkpoint', 'anchors.txt')).code).toBe(0)
    expect(readFileSync(place('anchors.txt'), 'utf8').match(/^apistronghold/gm)).toHaveLength(2)
  })

  it('tries each place, and fails when one of them did', async () => {
    const { code, stdout, stderr } = await audit(
      'anchor',
      '--to',
      'no/such/file',
      '--to',
      'two.txt',
    )
    expect(code).not.toBe(0)
    expect(stdout).toContain('two.txt: apistronghold/production/local')
    expect(stderr).toMatch(/1 of 2 targets failed: .*no\/such\/file cannot be used: ENOENT/)
  })

  it('posts to a server, whose address may be in a file', async () => {
    proxy.directory.write('target', `https://127.0.0.1:${upstream.port}/hooks/canary\n`)
    const where = ['--to', '@target', '--ca', 'ca.pem', '--allow-private-address']
    const { code, stdout } = await audit('anchor', ...where)
    expect([code, stdout.includes('canary')]).toEqual([0, false])
    expect(upstream.requests.at(-1)).toMatchObject({ method: 'POST', target: '/hooks/canary' })
    const count = upstream.requests.length
    await audit('anchor', ...where)
    const sizes = upstream.requests.slice(count).map(({ body }) => body.toString())
    expect(sizes.every((body) => body.includes('audit.checkpoint'))).toBe(true)
  })
})

describe('audit anchor as a timer runs it', () => {
  it('prints a line for each target and nothing else, also when nothing is new', async () => {
    await audit('anchor', '--to', 'timer.txt')
    // Each run reads the audit, which is itself a record: what is new comes to an end only at the place.
    const { code, stdout, stderr } = await audit('anchor', '--to', 'timer.txt')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.trim()).toMatch(/^\S+timer\.txt: (nothing new|apistronghold\/\S+ \d+)$/)
  })

  it('fails with a reason on standard error when the server is not there', async () => {
    const { code, stderr } = await proxy.command([
      'audit',
      'anchor',
      '--to',
      'x',
      '--env',
      'staging',
    ])
    expect(code).not.toBe(0)
    expect(stderr).not.toBe('')
  })

  it('takes a target in a file only with its scheme, so that no secret becomes a name', async () => {
    proxy.directory.write('wrong', 'canary-of-a-secret\n')
    const { code, stdout, stderr } = await audit('anchor', '--to', '@wrong')
    expect(code).toBe(2)
    expect(`${stdout}${stderr}`).not.toContain('canary')
    expect(readdirSync(proxy.directory.path).join()).not.toContain('canary')
  })

  it('commits to a work tree', async () => {
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', place('tree'), ...args], { encoding: 'utf8' })
    execFileSync('git', ['init', '--quiet', place('tree')])
    git('config', 'user.email', 'anchor@example.com')
    git('config', 'user.name', 'Anchor')
    git('config', 'commit.gpgsign', 'false')
    expect((await audit('anchor', '--to', 'git:tree')).code).toBe(0)
    const kept = join('tree', 'apistronghold/production/local.checkpoint')
    expect((await audit('verify', '--since-checkpoint', kept)).code).toBe(0)
    expect(git('log', '--format=%s').trim()).toBe('Anchor the audit')
  })

  it('puts each checkpoint into a bucket, with a credential of the environment only', async () => {
    const aws = createFakeAws(() => `127.0.0.1:${upstream.port}`)
    upstream.respond(aws.respond)
    const endpoint = `https://127.0.0.1:${upstream.port}`
    const to = `s3://anchors/audit?region=eu-central-1&endpoint=${endpoint}`
    const args = ['audit', 'anchor', '--to', to, '--ca', 'ca.pem', '--allow-private-address']
    const without = await proxy.command(args)
    expect([without.code, without.stderr]).toEqual([
      1,
      expect.stringContaining('AWS_ACCESS_KEY_ID is not set'),
    ])
    const environment = {
      AWS_ACCESS_KEY_ID: REAL_PAIR.access_key_id,
      AWS_SECRET_ACCESS_KEY: REAL_PAIR.secret_access_key,
    }
    const place = { directory: proxy.directory.path, environment }
    const { code, stdout, stderr } = await run(args, place)
    upstream.respond(() => ({ status: 200 }))
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^s3:\/\/anchors: apistronghold\/production\/local \d+$/m)
    const [name = '', body = Buffer.alloc(0)] = [...aws.objects][0] ?? []
    expect(name).toMatch(
      /^\/anchors\/audit\/apistronghold\/production\/local\/\d{16}-[0-9a-f]{16}\.note$/,
    )
    proxy.directory.write('downloaded.note', body.toString())
    expect((await audit('verify', '--since-checkpoint', 'downloaded.note')).code).toBe(0)
  })

  it('puts each checkpoint below a path', async () => {
    const to = `put+https://127.0.0.1:${upstream.port}/bucket/`
    const trust = ['--ca', 'ca.pem', '--allow-private-address']
    expect((await audit('anchor', '--to', to, ...trust)).code).toBe(0)
    const last = upstream.requests.at(-1)
    expect(last?.method).toBe('PUT')
    expect(last?.target).toMatch(
      /^\/bucket\/apistronghold\/production\/local\/\d{16}-[0-9a-f]{16}\.note$/,
    )
  })
})

describe('AU-03 a log that was put back to an earlier state', () => {
  const stateAudit = () => join(proxy.stateDirectory, 'audit')

  it('is noticed by the next command, by each anchor, and by audit verify', async () => {
    copyTree(stateAudit(), place('earlier'))
    for (let times = 0; times < 20; times++) await proxy.issue('stripe:read')
    await grow()
    await audit('anchor', '--to', 'anchors.txt')
    await proxy.end('SIGTERM')
    rmSync(stateAudit(), { recursive: true })
    copyTree(place('earlier'), stateAudit())
    await proxy.restart('SIGKILL')

    const { code, stderr } = await proxy.command(['token', 'list'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/WARNING: the audit of .* was cut or rewritten/)
    expect(stderr).toMatch(/has \d+ records, and had \d+ on/)
    expect(stderr).toContain('audit verify DIR --since-checkpoint')

    expect((await audit('checkpoint')).code).not.toBe(0)
    const anchored = await audit('anchor', '--to', 'anchors.txt')
    expect([anchored.code === 0, anchored.stderr]).toEqual([
      false,
      expect.stringContaining('not the log that was seen before'),
    ])
    const verified = await audit('verify', '--since-checkpoint', 'anchors.txt')
    expect([verified.code, verified.stderr]).toEqual([
      5,
      expect.stringContaining('it was put back'),
    ])
  })

  it('is believed again only when the operator says so', async () => {
    expect((await audit('checkpoint', '--forget')).stderr).toContain('--yes')
    expect((await audit('checkpoint', '--forget', '--yes')).code).toBe(0)
    expect((await proxy.command(['token', 'list'])).stderr).not.toContain('WARNING')
    expect((await audit('checkpoint')).code).toBe(0)
  })

  it('is noticed under another key as well', async () => {
    await proxy.end('SIGTERM')
    const keys = join(proxy.stateDirectory, 'keys', 'audit-signing.pem')
    const other = join(proxy.stateDirectory, 'keys', 'token-signing.pem')
    copyFileSync(other, keys)
    for (const name of readdirSync(stateAudit()))
      if (name.startsWith('checkpoint')) rmSync(join(stateAudit(), name))
    await proxy.restart('SIGKILL')
    const { stderr } = await proxy.command(['token', 'list'])
    expect(stderr).toContain('not signed with the key that was known')
  })
})
