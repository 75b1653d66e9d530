/** The official GitHub SDK, whose pagination follows absolute links. */

import { Octokit } from '@octokit/rest'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { expectSwap } from '../support/expect-swap.ts'
import { respondAsGithub } from '../support/fake-github.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const KEY = makeKey('ghp_')
const REPOSITORY = { owner: 'acme', repo: 'shop' }
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

let upstream: Upstream
let proxy: ProxyProcess
let token: string
let dialled: string[]
let octokit: Octokit

beforeAll(async () => {
  upstream = await startUpstream({ respond: respondAsGithub(KEY) })
  proxy = await startProxy({ services: [{ id: 'github', secret: KEY, upstream }] })
  token = await proxy.issue('github:read,github:write')
  octokit = clientAt(`${proxy.url}/github`)
})

afterAll(async () => {
  await proxy.stop()
  await upstream.close()
})

beforeEach(() => {
  upstream.forget()
  dialled = []
})

function clientAt(baseUrl: string): Octokit {
  const watched: typeof fetch = (input, init) => {
    dialled.push(new URL(input instanceof Request ? input.url : input).host)
    return fetch(input, init)
  }
  return new Octokit({ auth: token, baseUrl, log: SILENT, request: { fetch: watched } })
}

const expectSwapped = () => {
  expectSwap(upstream, { key: KEY, token, header: 'authorization', value: `Bearer ${KEY}` })
}

describe('Octokit', () => {
  it('creates an issue', async () => {
    const { data } = await octokit.rest.issues.create({ ...REPOSITORY, title: 'broken' })
    expect(data.number).toBe(7)
    expectSwapped()
  })

  it.each([
    ['a path prefix', () => octokit],
    ['no prefix', () => clientAt(proxy.url)],
  ])('paginates over three pages behind %s and dials nobody else', async (_case, client) => {
    const options = { ...REPOSITORY, per_page: 2 }
    const issues = await client().paginate('GET /repos/{owner}/{repo}/issues', options)
    expect(issues.map(({ number }) => number)).toEqual([11, 12, 21, 22, 31, 32])
    expect(new Set(dialled)).toEqual(new Set([new URL(proxy.url).host]))
    expect(upstream.requests.map(({ target }) => target)).toEqual([
      '/repos/acme/shop/issues?per_page=2',
      '/repositories/42/issues?per_page=2&page=2',
      '/repositories/42/issues?per_page=2&page=3',
    ])
    expectSwapped()
  })

  it('is rejected at what its token does not allow, by name of the scope', async () => {
    await expect(octokit.rest.repos.delete(REPOSITORY)).rejects.toThrow(/github:delete/)
    expect(upstream.requests).toEqual([])
  })

  it('is rejected at a forced update, which only the body tells from a plain one', async () => {
    const update = { ...REPOSITORY, ref: 'heads/main', sha: 'a'.repeat(40), force: true }
    await expect(octokit.rest.git.updateRef(update)).rejects.toThrow(/github:/)
    expect(upstream.requests).toEqual([])
  })
})
