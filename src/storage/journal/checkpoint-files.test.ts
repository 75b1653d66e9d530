import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { openCheckpoints } from './checkpoint-files.ts'

let folder: TemporaryDirectory
beforeEach(() => {
  folder = createTemporaryDirectory()
})
afterEach(() => {
  folder.remove()
})

function keep(writer: string, note: string): void {
  mkdirSync(join(folder.path, writer), { recursive: true })
  folder.write(join(writer, 'checkpoint'), note)
}

const open = (newest: string | undefined, directory = folder.path) =>
  openCheckpoints({ directory, publicKey: 'key', writer: 'local', newest: () => newest })

it('reads the others from their files, and its own from what was signed last', async () => {
  keep('local', 'local of a while ago')
  keep('worker-1', 'first')
  keep('worker-2', 'second')
  mkdirSync(join(folder.path, 'worker-3'))
  folder.write('checkpoint.pub', 'key')
  expect(await open('local now').all()).toEqual([
    { writer: 'local', note: 'local now' },
    { writer: 'worker-1', note: 'first' },
    { writer: 'worker-2', note: 'second' },
  ])
})

it('falls back to its own file before it has signed anything', async () => {
  keep('local', 'of the last run')
  expect(await open(undefined).all()).toEqual([{ writer: 'local', note: 'of the last run' }])
  expect(open(undefined).newest()).toBeUndefined()
})

it('has none where nobody has written', async () => {
  expect(await open(undefined, join(folder.path, 'absent')).all()).toEqual([])
})
