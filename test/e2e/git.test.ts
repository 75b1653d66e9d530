/** git over HTTPS at the other end: the token is the password, real `git http-backend` answers. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findSecret, makeKey } from '../support/canary.ts'
import { createBareRepository, gitEnvironment, respondAsGitHost } from '../support/fake-git-host.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { skipWithout } from '../support/skip.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('ghp_')
const HELPER = '!f() { echo username=x; echo "password=$PHANTOM_TOKEN"; }; f'

const work = createTemporaryDirectory()
let upstream: Upstream
let proxy: ProxyProcess

beforeAll(async () => {
  createBareRepository(join(work.path, 'served'))
  upstream = await startUpstream({ respond: respondAsGitHost(KEY, join(work.path, 'served')) })
  proxy = await startProxy({
    services: [
      { id: 'github', secret: KEY, upstream },
      { id: 'github-git', upstream },
    ],
  })
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
  work.remove()
})

async function git(token: string, ...args: readonly string[]) {
  const child = spawn(
    'git',
    ['-c', 'credential.helper=', '-c', `credential.helper=${HELPER}`, ...args],
    {
      cwd: work.path,
      env: { ...gitEnvironment(work.path), PHANTOM_TOKEN: token },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

const remote = () => `${proxy.url}/github-git/acme/shop.git`

describe.skipIf(skipWithout('git'))('git', () => {
  it('clones, commits and pushes with the token as the password', async () => {
    const token = await proxy.issue('github-git:read,github-git:code')
    expect(await git(token, 'clone', '--quiet', remote(), 'pushing')).toMatchObject({ code: 0 })
    await git(token, '-C', 'pushing', 'commit', '--quiet', '--allow-empty', '-m', 'second')
    const push = await git(token, '-C', 'pushing', 'push', '--quiet', 'origin', 'HEAD:main')
    expect(push).toMatchObject({ code: 0 })
    expect(upstream.connections.flatMap((bytes) => findSecret(bytes, token))).toEqual([])
  })

  it('clones with a token in the remote URL, as people write it', async () => {
    const token = await proxy.issue('github-git:read')
    const url = new URL(remote())
    url.username = 'x'
    url.password = token
    expect(await git('', 'clone', '--quiet', url.href, 'by-url')).toMatchObject({ code: 0 })
    expect(existsSync(join(work.path, 'by-url', '.git', 'HEAD'))).toBe(true)
  })

  it('shows the reason when the token may not push', async () => {
    const token = await proxy.issue('github-git:read')
    await git(token, 'clone', '--quiet', remote(), 'reading')
    await git(token, '-C', 'reading', 'commit', '--quiet', '--allow-empty', '-m', 'third')
    upstream.forget()
    const push = await git(token, '-C', 'reading', 'push', 'origin', 'HEAD:main')
    expect(push.code).not.toBe(0)
    expect(push.stderr).toContain('github-git:code')
    expect(upstream.requests).toEqual([])
  })

  it('is asked again, not let in, with a wrong password', async () => {
    const clone = await git('nothing', 'clone', '--quiet', remote(), 'nobody')
    expect(clone.code).not.toBe(0)
    expect(clone.stderr).toMatch(/authentication failed|could not read|phantom token/i)
  })
})
