/** `logs` over a log that grew large: its older lines lie in a second file. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { runWell, startCommand } from '../support/command.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'

let directory: TemporaryDirectory
let pid: number | undefined

beforeEach(() => {
  directory = createTemporaryDirectory()
})

afterEach(() => {
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  directory.remove()
})

it('is cut when the service starts, and read as one', async () => {
  const place = { directory: directory.path }
  const ports = ['--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']
  const where = ['--state-dir', 'state', '--services', 'stripe', ...ports]
  await runWell(['init', '--env', 'production', '--yes', '--no-start', ...where], place)
  const logs = join(directory.path, 'state', 'logs')
  const log = join(logs, 'serve.log')
  const old = 'an old line\n'.repeat(1_000_000)
  writeFileSync(log, old, { mode: 0o600 })
  const following = startCommand(['logs', '-f', '-n', '1'], place)
  await vi.waitFor(
    () => {
      expect(following.output.stdout).toBe('an old line\n')
    },
    { timeout: 20_000 },
  )
  await runWell(['start'], place)
  pid = (
    JSON.parse(readFileSync(join(directory.path, 'state', 'run', 'serve.json'), 'utf8')) as {
      pid: number
    }
  ).pid
  expect(readFileSync(`${log}.1`, 'utf8').startsWith(old)).toBe(true)
  expect(statSync(log).size).toBeLessThan(100_000)
  const shown = (await runWell(['logs', '-n', '500'], place)).split('\n')
  expect(shown).toHaveLength(500)
  expect(shown[0]).toBe('an old line')
  expect(shown.join('\n')).toContain('"event":"started"')
  await vi.waitFor(
    () => {
      expect(following.output.stdout).toContain('"event":"started"')
    },
    {
      timeout: 20_000,
    },
  )
  following.child.kill('SIGTERM')
  await following.finished
})
