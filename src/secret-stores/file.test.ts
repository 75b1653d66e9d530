import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VERSION_OF } from '../../test/contract/secret-store-openers.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { createFileStore } from './file.ts'

let root: TemporaryDirectory
let secrets: string

beforeEach(() => {
  root = createTemporaryDirectory()
  secrets = join(root.path, 'secrets')
  mkdirSync(secrets)
  writeFileSync(join(secrets, 'stripe'), 'sk_live_1\n', { mode: 0o600 })
})
afterEach(() => {
  root.remove()
})

async function read(path: string, directories = [secrets]): Promise<string | undefined> {
  const store = createFileStore({ directories: () => directories, versionOf: VERSION_OF })
  return (await store.read(path))?.fields.get('secret')?.reveal()
}

const problemOf = (path: string, directories?: string[]) =>
  read(path, directories).then(
    () => 'no problem',
    (error: unknown) => (error instanceof Error ? error.message.replace(root.path, '') : ''),
  )

describe('a file as a secret', () => {
  it('is given as it is, its last line break included', async () => {
    expect(await read(join(secrets, 'stripe'))).toBe('sk_live_1\n')
  })

  it('is undefined when it, or the directory on the way, is missing', async () => {
    expect(await read(join(secrets, 'nothing'))).toBeUndefined()
    expect(await read(join(secrets, 'stripe', 'below-a-file'))).toBeUndefined()
    expect(await read('/nowhere/secrets/stripe', ['/nowhere/secrets'])).toBeUndefined()
  })

  it('is found behind the links that Kubernetes makes, and follows their exchange', async () => {
    const volume = join(secrets, 'volume')
    mkdirSync(join(volume, '..2026_11_01'), { recursive: true })
    mkdirSync(join(volume, '..2026_11_02'))
    writeFileSync(join(volume, '..2026_11_01', 'key'), 'first', { mode: 0o400 })
    writeFileSync(join(volume, '..2026_11_02', 'key'), 'second', { mode: 0o400 })
    symlinkSync('..2026_11_01', join(volume, '..data'))
    symlinkSync('..data/key', join(volume, 'key'))
    expect(await read(join(volume, 'key'))).toBe('first')
    symlinkSync('..2026_11_02', join(volume, '..data_tmp'))
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
    expect(await read(join(volume, 'key'))).toBe('second')
  })

  it('is read where secret_dirs itself is a link', async () => {
    symlinkSync(secrets, join(root.path, 'linked'))
    const linked = join(root.path, 'linked')
    expect(await read(join(linked, 'stripe'), [linked])).toBe('sk_live_1\n')
  })

  it('is refused outside secret_dirs', async () => {
    root.write('vault.key', 'canary')
    mkdirSync(`${secrets}-not`)
    writeFileSync(join(`${secrets}-not`, 'key'), 'canary', { mode: 0o600 })
    for (const path of [join(root.path, 'vault.key'), join(`${secrets}-not`, 'key'), secrets])
      expect(await problemOf(path)).toMatch(/is outside secret_dirs$/)
    expect(await problemOf(join(secrets, 'stripe'), [])).toMatch(/is outside secret_dirs$/)
  })

  it('is refused when a link leads out of secret_dirs', async () => {
    root.write('vault.key', 'canary')
    symlinkSync('../vault.key', join(secrets, 'escape'))
    symlinkSync(root.path, join(secrets, 'up'))
    expect(await problemOf(join(secrets, 'escape'))).toMatch(/escape leads outside secret_dirs$/)
    expect(await problemOf(join(secrets, 'up', 'vault.key'))).toMatch(/leads outside secret_dirs$/)
    expect(await problemOf(`${secrets}/../vault.key`)).toMatch(/leads outside secret_dirs$/)
  })

  it.each<[string, (path: string) => void, RegExp]>([
    [
      'a directory',
      (path) => {
        mkdirSync(path)
      },
      /is not a regular file$/,
    ],
    ['a named pipe', (path) => execFileSync('mkfifo', [path]), /is not a regular file$/],
    [
      'a circle of links',
      (path) => {
        symlinkSync(path, path)
      },
      /is a circle of links$/,
    ],
    [
      'empty',
      (path) => {
        writeFileSync(path, '')
      },
      /is empty$/,
    ],
    [
      'too large',
      (path) => {
        writeFileSync(path, 'a'.repeat(65_537))
      },
      /is larger than 64 KiB$/,
    ],
  ])('is refused when it is %s', async (_case, make, problem) => {
    make(join(secrets, 'odd'))
    expect(await problemOf(join(secrets, 'odd'))).toMatch(problem)
  })
})

describe('AD-05 a file that others can reach', () => {
  // The temporary directory itself is closed to others, so it is opened for these.
  beforeEach(() => {
    chmodSync(root.path, 0o755)
    chmodSync(secrets, 0o755)
  })

  it.each<[string, number, number, string]>([
    ['readable by all', 0o644, 0o755, 'can be read by every user of this machine'],
    ['writable by all', 0o602, 0o755, 'can be changed by every user of this machine'],
    ['in a directory open to all', 0o600, 0o777, 'lies in a directory that every user'],
  ])('is refused when it is %s', async (...[, mode, directoryMode, problem]) => {
    chmodSync(join(secrets, 'stripe'), mode)
    chmodSync(secrets, directoryMode)
    expect(await problemOf(join(secrets, 'stripe'))).toContain(problem)
  })

  it.each<[string, number, number]>([
    ['closed itself', 0o600, 0o755],
    ['for a group', 0o640, 0o750],
    ['behind a closed directory', 0o644, 0o700],
    ['in a directory like /tmp', 0o600, 0o1777],
  ])('is read when it is %s', async (...[, mode, directoryMode]) => {
    chmodSync(join(secrets, 'stripe'), mode)
    chmodSync(secrets, directoryMode)
    expect(await read(join(secrets, 'stripe'))).toBe('sk_live_1\n')
  })

  it.skipIf(process.getuid?.() === 0)(
    'is trouble of the store when we may not read it',
    async () => {
      chmodSync(join(secrets, 'stripe'), 0o000)
      expect(await problemOf(join(secrets, 'stripe'))).toMatch(/cannot be read: EACCES$/)
      rmSync(join(secrets, 'stripe'))
    },
  )
})
