import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild, type Child } from '../../../test/support/child.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { awaitFormerWorkers } from './worker-lock.ts'

function temporaryPath(): string {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  return directory.path
}

async function startWorker(directory: string): Promise<Child> {
  const child = startChild('worker-lock-holder.ts', directory)
  onTestFinished(() => child.kill())
  await child.waitForLines(1)
  return child
}

describe('the lock of workers', () => {
  it('is no file where there never were any', () => {
    const directory = temporaryPath()
    awaitFormerWorkers(directory)
    expect(readdirSync(directory)).toEqual([])
  })

  it('is shared by all of them, and keeps a new server out while one lives', async () => {
    const directory = temporaryPath()
    const [first, second] = [await startWorker(directory), await startWorker(directory)]
    expect([...first.lines(), ...second.lines()]).toEqual(['held', 'held'])
    await first.kill()
    expect(() => {
      awaitFormerWorkers(directory, 50)
    }).toThrow(`workers of a former server still use ${directory}`)
    await second.kill()
    awaitFormerWorkers(directory, 50)
  })

  it('is private', async () => {
    const directory = temporaryPath()
    await startWorker(directory)
    expect(statSync(join(directory, 'workers.db')).mode & 0o777).toBe(0o600)
  })
})
