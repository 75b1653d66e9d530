import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findInDirectory, findSecret, makeKey } from '../support/canary.ts'
import {
  cleanEnvironment,
  COMMAND,
  run,
  runWell,
  startCommand,
  type RunningCommand,
} from '../support/command.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'

const KEY = makeKey('sk_test_')
const ANYWHERE = ['--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']
const INIT = ['init', '--env', 'production', '--yes', '--state-dir', 'state', ...ANYWHERE]
const IMPORT = ['--services', 'stripe', '--import-secret', 'stripe=env:STRIPE_KEY']

let folder: TemporaryDirectory
let place: { readonly directory: string; readonly environment: Readonly<Record<string, string>> }
beforeEach(() => {
  folder = createTemporaryDirectory()
  place = { directory: folder.path, environment: { STRIPE_KEY: KEY } }
})
afterEach(async () => {
  if (existsSync(join(folder.path, 'apistronghold.yaml'))) await run(['stop'], place)
  folder.remove()
})

const inFolder = (...parts: string[]) => join(folder.path, ...parts)
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** Every file of the keys and the configuration, with its content. */
function snapshot(): Record<string, string> {
  const keys = readdirSync(inFolder('state', 'keys')).map((name) => inFolder('state', 'keys', name))
  const paths = [...keys, inFolder('apistronghold.yaml')]
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'utf8')]))
}

describe('the three commands', () => {
  it('set up, start, issue, and leave the real key nowhere in clear', async () => {
    const init = await run([...INIT, ...IMPORT], place)
    expect(init.code).toBe(0)
    expect(init.stdout).toContain('production is running: data plane http://127.0.0.1:')
    expect(init.stderr).toContain('can read its files, keys included')
    const issue = ['token', 'issue', '--agent', 'order-agent', '--scopes', 'stripe:read']
    const token = await run([...issue, '--ttl', '4h'], place)
    expect(token.stdout).toMatch(/^pt_live_[0-9A-Za-z]{36}\n$/)
    expect(token.stderr).toMatch(/^tok_\w+ issued to order-agent \(production at http/)
    const status = JSON.parse(await runWell(['status', '--json'], place)) as object
    expect(status).toMatchObject({
      running: true,
      ready: true,
      services: { withCredential: ['stripe'] },
    })
    for (const text of [init.stdout, init.stderr, token.stdout, token.stderr])
      expect(findSecret(text, KEY)).toEqual([])
    expect(findInDirectory(folder.path, KEY)).toEqual([])
    expect(findInDirectory(folder.path, token.stdout.trim())).toEqual([])
  })

  it('work the same the second time: nothing changes, and it says so', async () => {
    await runWell([...INIT, ...IMPORT], place)
    const first = snapshot()
    const again = await run([...INIT, ...IMPORT], place)
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('production was set up already: nothing changed')
    expect(snapshot()).toEqual(first)
    expect(await runWell(['stop'], place)).toContain('production stopped')
    expect(await runWell(['stop'], place)).toContain('production is not running')
    expect(await runWell(['start'], place)).toContain('production is running')
    expect(await runWell(['start'], place)).toContain('it was running already')
    expect(await runWell(['logs', '-n', '5'], place)).toContain('started')
  })

  it('give the secret to a service that runs already', async () => {
    await runWell(INIT, place)
    expect(await runWell([...INIT, ...IMPORT], place)).toContain('sealed stripe and stored it')
    const list = JSON.parse(await runWell(['secret', 'list', '--json'], place)) as object
    expect(list).toMatchObject({ items: [{ name: 'stripe', version: 1 }] })
  })
})

describe('AD-05 init', () => {
  it('keeps everything private under umask 000', async () => {
    const script = 'umask 000; exec "$0" "$@"'
    const args = ['-c', script, process.execPath, COMMAND, ...INIT, ...IMPORT]
    const env = { ...cleanEnvironment(folder.path), STRIPE_KEY: KEY }
    const child = spawn('sh', args, { cwd: folder.path, env, stdio: 'ignore' })
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect(code).toBe(0)
    const entries = readdirSync(inFolder('state'), { recursive: true, withFileTypes: true })
    expect(entries.length).toBeGreaterThan(15)
    for (const entry of entries)
      expect(modeOf(join(entry.parentPath, entry.name))).toBe(entry.isDirectory() ? '700' : '600')
  })

  it('says with the exit code of `status` that nothing runs', async () => {
    await runWell([...INIT, '--no-start'], place)
    const { code, stdout, stderr } = await run(['status', '--json'], place)
    expect(JSON.parse(stdout)).toMatchObject({ running: false })
    expect(stderr).toContain('production is not running')
    expect(code).toBe(3)
  })

  it('refuses a state directory that others may read, and so does every command', async () => {
    await runWell([...INIT, '--no-start'], place)
    chmodSync(inFolder('state'), 0o755)
    for (const args of [
      [...INIT, '--no-start'],
      ['start'],
      ['serve'],
      ['token', 'list'],
      ['status'],
    ]) {
      const { code, stderr } = await run(args, place)
      expect(stderr).toContain(`run chmod 700 ${inFolder('state')}`)
      expect(code).toBe(1)
    }
  })

  it('refuses a directory that somebody made open before', async () => {
    mkdirSync(inFolder('state'))
    chmodSync(inFolder('state'), 0o777)
    expect((await run([...INIT, '--no-start'], place)).stderr).toContain('open to other users')
    expect(existsSync(inFolder('apistronghold.yaml'))).toBe(false)
  })

  // Between two steps of init; src/cli/init.test.ts cuts it off behind each of them.
  it.each([
    'state/keys',
    'state/keys/vault.key',
    'apistronghold.yaml',
    'state/inbox/stripe.json',
    'state/database.sqlite',
  ])('is sound when it was killed as %s appeared', async (appearing) => {
    const running = startCommand([...INIT, ...IMPORT], place)
    await appearance(inFolder(appearing), running)
    running.child.kill('SIGKILL')
    await running.finished
    const before = existsSync(inFolder('state', 'keys')) ? keyTexts() : {}
    await runWell([...INIT, ...IMPORT], place)
    expect(keyTexts()).toMatchObject(before)
    const status = JSON.parse(await runWell(['status', '--json'], place)) as object
    expect(status).toMatchObject({ ready: true, services: { withCredential: ['stripe'] } })
    expect(await runWell(['doctor'], place)).toContain('all there')
  })
})

/** Whole key files only: what was being written has another name. */
function keyTexts(): Record<string, string> {
  const keys = inFolder('state', 'keys')
  const whole = readdirSync(keys).filter((name) => !name.startsWith('.'))
  return Object.fromEntries(whole.map((name) => [name, readFileSync(join(keys, name), 'utf8')]))
}

async function appearance(path: string, { child }: RunningCommand): Promise<void> {
  while (!existsSync(path) && child.exitCode === null)
    await new Promise((resolve) => setImmediate(resolve))
}

describe('one state directory', () => {
  it('is served by one process: the second names the first, and after kill -9 a third starts', async () => {
    await runWell([...INIT, '--no-start'], place)
    const first = startCommand(['serve'], place)
    await readiness()
    const second = await run(['serve'], place)
    expect(second.stderr).toContain(`process ${first.child.pid ?? 0} (serve --env production`)
    expect(second.code).toBe(1)
    first.child.kill('SIGKILL')
    await first.finished
    const after = await run(['token', 'list'], place)
    expect([after.code, after.stderr]).toEqual([
      3,
      'error: production is not running here: run `apistronghold start`\n',
    ])
    expect(await runWell(['start'], place)).toContain('production is running')
  })

  it('is set up and started once when two do it at the same time', async () => {
    const both = await Promise.all([1, 2].map(() => run([...INIT, ...IMPORT], place)))
    expect(both.map(({ code, stderr }) => [code, stderr.includes('error')])).toEqual([
      [0, false],
      [0, false],
    ])
    await runWell(['stop'], place)
    const starts = await Promise.all([1, 2].map(() => run(['start'], place)))
    expect(starts.map(({ code }) => code)).toEqual([0, 0])
    const already = starts.filter(({ stdout }) => stdout.includes('it was running already'))
    expect(already).toHaveLength(1)
  })

  async function readiness(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const { running } = JSON.parse((await run(['status', '--json'], place)).stdout) as {
        running: boolean
      }
      if (running) return
    }
    throw new Error('serve did not start')
  }
})

it('a port that is taken stops the start, in words', async () => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => squatter.once('listening', resolve))
  const { port } = squatter.address() as { port: number }
  const taken = ['--listen', `127.0.0.1:${port}`, '--control-listen', '127.0.0.1:0']
  const { code, stderr } = await run(
    ['init', '--env', 'production', '--yes', '--state-dir', 'state', ...taken],
    place,
  )
  squatter.close()
  expect(code).toBe(1)
  expect(stderr).toContain('the service did not start')
  expect(stderr).toMatch(new RegExp(`127.0.0.1:${port}.*in use|in use.*127.0.0.1:${port}`))
})

it('serve --env development sets itself up and says what to paste', async () => {
  const environment = {
    APISTRONGHOLD_STATE_DIR: inFolder('state'),
    APISTRONGHOLD_DATA_LISTEN: '127.0.0.1:0',
    APISTRONGHOLD_CONTROL_LISTEN: '127.0.0.1:0',
  }
  const running = startCommand(['serve', '--env', 'development'], { ...place, environment })
  for (let tries = 0; !running.output.stderr.includes('PHANTOM_TOKEN='); tries += 1) {
    if (tries > 1000 || running.child.exitCode !== null) throw new Error(running.output.stderr)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  running.child.kill('SIGTERM')
  expect((await running.finished).code).toBe(0)
  expect(running.output.stderr).toContain(
    'npx apistronghold token issue --agent my-agent --scopes "stripe:read',
  )
  expect(readFileSync(inFolder('apistronghold.yaml'), 'utf8')).toContain('default_env: development')
})

it('a configuration with five mistakes is reported whole, with line numbers', async () => {
  writeFileSync(
    inFolder('apistronghold.yaml'),
    'version: 3\nenvironments:\n  production:\n    dta: {}\n    data: {listen: 1}\n    database: pg\n    tokens: {max_ttl: never}\n',
  )
  const { code, stderr } = await run(['serve'], place)
  expect(code).toBe(1)
  expect(stderr.match(/line \d+, column \d+/g)).toHaveLength(5)
})
