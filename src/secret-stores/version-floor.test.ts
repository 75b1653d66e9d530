import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { openVersionFloor } from './version-floor.ts'

let directory: TemporaryDirectory
let path: string

beforeEach(() => {
  directory = createTemporaryDirectory()
  path = join(directory.path, 'versions.json')
})
afterEach(() => {
  directory.remove()
})

/** Raises one name for ever and says each number once it is durable. */
const RAISING = `
  import { openVersionFloor } from ${JSON.stringify(join(import.meta.dirname, 'version-floor.ts'))}
  const floor = await openVersionFloor({ path: process.argv[1] })
  for (let version = floor.highest('stripe') + 1; ; version++) {
    await floor.raise('stripe', version)
    process.stdout.write(version + '\\n')
  }
`

describe('the version floor', () => {
  it('begins at nothing and keeps the highest of each name', async () => {
    const floor = await openVersionFloor({ path })
    expect(floor.highest('stripe')).toBe(0)
    await floor.raise('stripe', 3)
    await floor.raise('openai', 1)
    await floor.raise('stripe', 2)
    expect([floor.highest('stripe'), floor.highest('openai')]).toEqual([3, 1])
  })

  it('is read back after a restart, and readable by its owner alone', async () => {
    await (await openVersionFloor({ path })).raise('stripe', 7)
    expect((await openVersionFloor({ path })).highest('stripe')).toBe(7)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('keeps all of many raised at once', async () => {
    const floor = await openVersionFloor({ path })
    const names = Array.from({ length: 30 }, (_, n) => `service-${n}`)
    await Promise.all(names.map((name, n) => floor.raise(name, n + 1)))
    const again = await openVersionFloor({ path })
    expect(names.map((name) => again.highest(name))).toEqual(names.map((_, n) => n + 1))
  })

  it.each([
    ['is empty', ''],
    ['is cut', '{"v":1,"versions":{"stri'],
    ['has another format', '{"v":2,"versions":{}}'],
    ['has a version that is none', '{"v":1,"versions":{"stripe":"9"}}'],
    ['has a name that is none', '{"v":1,"versions":{"../x":9}}'],
  ])('refuses to begin anew when the file %s', async (_case, text) => {
    writeFileSync(path, text)
    await expect(openVersionFloor({ path })).rejects.toMatchObject({ code: 'state_unsafe' })
  })

  it('does not answer when it cannot write', async () => {
    const floor = await openVersionFloor({ path })
    mkdirSync(path)
    await expect(floor.raise('stripe', 1)).rejects.toMatchObject({ code: 'state_unsafe' })
  })

  it('tries again after a write that failed', async () => {
    const missing = join(directory.path, 'vault', 'versions.json')
    const floor = await openVersionFloor({ path: missing })
    await expect(floor.raise('stripe', 1)).rejects.toMatchObject({ code: 'state_unsafe' })
    expect(floor.highest('stripe')).toBe(0)
    mkdirSync(join(directory.path, 'vault'))
    await floor.raise('stripe', 1)
    expect((await openVersionFloor({ path: missing })).highest('stripe')).toBe(1)
  })

  it('never falls below what it answered, however often it is killed', async () => {
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', RAISING, path], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      let acknowledged = 0
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line)
        if (acknowledged % 40 === 0) child.kill('SIGKILL')
      }
      if (child.signalCode === null) await once(child, 'exit')
      expect(child.signalCode).toBe('SIGKILL')
      const floor = await openVersionFloor({ path })
      expect(floor.highest('stripe')).toBeGreaterThanOrEqual(acknowledged)
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ v: 1 })
    }
  }, 30_000)
})
