/** The examples run as they stand, each as its own process, with a token of the scope it names. */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SDK_CASES } from '../support/clients.ts'
import { cleanEnvironment, REPOSITORY } from '../support/command.ts'
import { startProxy, type ProxyProcess } from '../support/proxy-process.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const EXAMPLES = join(REPOSITORY, 'examples')
const execute = promisify(execFile)
const upstreams = new Map<string, Upstream>()
let proxy: ProxyProcess

beforeAll(async () => {
  for (const { id, respond } of SDK_CASES) upstreams.set(id, await startUpstream({ respond }))
  proxy = await startProxy({
    services: SDK_CASES.map(({ id, key }) => ({ id, secret: key, upstream: upstreams.get(id)! })),
  })
})

afterAll(async () => {
  await proxy.stop()
  for (const upstream of upstreams.values()) await upstream.close()
})

async function runScript(file: string, environment: Record<string, string>): Promise<string> {
  const { stdout } = await execute(process.execPath, [join(EXAMPLES, file)], {
    cwd: proxy.directory.path,
    env: { ...cleanEnvironment(proxy.directory.path), ...environment },
  })
  return stdout
}

describe('the example', () => {
  it.each([
    ['stripe.ts', 'cus_fake1'],
    ['openai.ts', 'Hello, agent'],
    ['anthropic.ts', 'Hello, agent'],
    ['octokit.ts', '6 issues'],
    ['slack.ts', '1700000000.000100'],
  ])('%s runs with the one scope that it names', async (file, printed) => {
    const scope = /^ \* .*?Scope: (\S+)$/m.exec(readFileSync(join(EXAMPLES, file), 'utf8'))?.[1]
    const token = await proxy.issue(scope!)
    const output = await runScript(file, { PROXY_URL: proxy.url, PHANTOM_TOKEN: token })
    expect(output).toBe(`${printed}\n`)
  })
})

describe('the demo', () => {
  it('tells its story without a terminal, and every claim holds', async () => {
    const output = await runScript(join('demo', 'demo.ts'), {})
    expect(output).toContain('Every claim held.')
    expect(output).toContain('stripe:refund (money)')
    expect(output).not.toContain('NOT TRUE')

    expect(output).not.toContain('\u001b') // no colours for a pipe
  })
})
