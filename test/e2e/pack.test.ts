/** The package as a stranger gets it: packed, installed into an empty project, and run there. */

import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { cleanEnvironment, REPOSITORY, run, runWell } from '../support/command.ts'
import { respondAsStripe } from '../support/fake-stripe.ts'
import { skipUnless } from '../support/skip.ts'
import { startProxy } from '../support/proxy-process.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'
import { startUpstream } from '../support/upstream.ts'

const execute = promisify(execFile)
const place = createTemporaryDirectory()
const project = join(place.path, 'project')
const installed = join(project, 'node_modules', 'apistronghold')
const script = join(installed, 'bin', 'apistronghold.js')
/** A machine's own Node, where that is one that we do not run on. */
const OLD_NODE = ['/usr/bin/node'].find(isTooOld)
let files: readonly string[] = []

beforeAll(async () => {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{"name": "stranger", "private": true}')
  const packed = await npm(REPOSITORY, 'pack', '--json', '--pack-destination', place.path)
  // `prepack` prints before the JSON; npm 12 prints an object by name, older ones an array.
  const report = JSON.parse(packed.slice(packed.search(/^[[{]/m))) as Record<string, Packed>
  const { filename, files: entries } = Object.values(report)[0]!
  files = entries.map(({ path }) => path)
  await npm(project, 'install', '--prefer-offline', '--ignore-scripts', join(place.path, filename))
}, 180_000)

afterAll(() => {
  place.remove()
})

function isTooOld(node: string): boolean {
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return Number(/^v(\d+)/.exec(stdout)?.[1] ?? 24) < 24
}

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

/** npm as the user of this test has it: its registry and its cache are theirs to choose. */
async function npm(directory: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('npm', [...args, '--no-audit', '--no-fund'], {
    cwd: directory,
    env: { ...process.env, PATH: cleanEnvironment(place.path)['PATH'] },
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

describe('the package', () => {
  it('holds the program and its catalogue, and nothing else', () => {
    expect(files).toContain('bin/apistronghold.js')
    expect(files).toContain('services/stripe.yaml')
    expect(
      files.filter((file) => !/^(bin|dist|services)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(file)),
    ).toEqual([])
    expect(
      files.filter((file) => /\.test(ing)?\.|\.ts$|\.env|\.pem$|\.key$|\.sqlite/.test(file)),
    ).toEqual([])
  })

  it('has a command that may be executed', () => {
    expect(statSync(script).mode & 0o111).not.toBe(0)
    expect(readdirSync(join(project, 'node_modules', '.bin'))).toContain('apistronghold')
  })

  it('says its version', async () => {
    expect(await runWell(['--version'], { directory: project, script })).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it.skipIf(skipUnless(OLD_NODE !== undefined, 'no Node older than 24 at /usr/bin/node'))(
    'says in one sentence that this Node is too old',
    async () => {
      const failed = await execute(OLD_NODE!, [script, '--version']).then(
        () => expect.fail('it ran'),
        (error: unknown) => error as { code: number; stderr: string },
      )
      expect(failed.code).toBe(1)
      expect(failed.stderr).toMatch(/^apistronghold needs Node 24 or newer; .*\n$/)
    },
  )

  it('says in one sentence what to do in an empty folder', async () => {
    const { code, stderr } = await run(['status'], { directory: project, script })
    expect(code).toBeGreaterThan(0)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each([
    ['in one process', []],
    ['in two workers', ['--workers', '2']],
  ])('initialises, serves and lets an agent through, %s', async (_how, serveArguments) => {
    const key = makeKey('sk_live_')
    const upstream = await startUpstream({ respond: respondAsStripe(key) })
    const services = [{ id: 'stripe', secret: key, upstream }]
    const proxy = await startProxy({ services, script, serveArguments })
    try {
      const token = await proxy.issue('stripe:read')
      const headers = { authorization: `Bearer ${token}`, connection: 'close' }
      for (let turn = 1; turn <= 6; turn += 1) {
        const answer = await fetch(`${proxy.url}/stripe/v1/customers`, { headers })
        expect(answer.status).toBe(200)
        expect(upstream.count(key)).toBe(turn)
      }
      const status = await proxy.commandWell(['status'])
      expect(status.includes('2 of 2 serve')).toBe(serveArguments.length > 0)
    } finally {
      await proxy.stop()
      await upstream.close()
    }
  })
})
