import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild } from '../../../test/support/child.ts'
import type { Child } from '../../../test/support/child.ts'
import { createTemporaryDirectory } from '../../../test/support/temporary.ts'
import { lockState } from './lock.ts'
import type { LockOwner } from './lock.ts'

const owner: LockOwner = { pid: process.pid, command: 'init' }

function temporaryPath(): string {
  const directory = createTemporaryDirectory()
  onTestFinished(() => {
    directory.remove()
  })
  return directory.path
}

async function startHolder(directory: string): Promise<Child> {
  const child = startChild('lock-holder.ts', directory)
  onTestFinished(() => child.kill())
  await child.waitForLines(1)
  return child
}

/** The message of the failure to lock; the test fails when the lock could be had. */
function whyLocked(directory: string): string {
  try {
    lockState(directory, owner).release()
  } catch (error) {
    expect(error).toMatchObject({ code: 'state_locked' })
    return (error as Error).message
  }
  throw new Error('it was not locked')
}

describe('lockState', () => {
  it('names the process that came first, and where it listens', async () => {
    const directory = temporaryPath()
    const holder = await startHolder(directory)
    expect(holder.lines()).toEqual(['locked'])
    expect(whyLocked(directory)).toBe(
      `process ${String(holder.process.pid)} (serve: data plane 127.0.0.1:8900, control plane 127.0.0.1:8901) uses ${directory}`,
    )
  })

  it('is free after its owner was killed', async () => {
    const directory = temporaryPath()
    const holder = await startHolder(directory)
    whyLocked(directory)
    await holder.kill()
    const next = await startHolder(directory)
    expect(next.lines()).toEqual(['locked'])
    expect(whyLocked(directory)).toContain(`process ${String(next.process.pid)}`)
  })

  it('lets one of several start', async () => {
    const directory = temporaryPath()
    const children = await Promise.all([1, 2, 3].map(() => startHolder(directory)))
    const answers = children.flatMap((child) => child.lines()).sort()
    expect(answers).toEqual(['locked', 'state_locked', 'state_locked'])
  })

  it('stays locked for others when the same process tries again', async () => {
    const directory = temporaryPath()
    const lock = lockState(directory, owner)
    whyLocked(directory)
    const second = await startHolder(directory)
    expect(second.lines()).toEqual(['state_locked'])
    lock.release()
  })

  it('locks out the same process too, until it is released', () => {
    const directory = temporaryPath()
    const lock = lockState(directory, owner)
    expect(whyLocked(directory)).toBe(`process ${process.pid} (init) uses ${directory}`)
    lock.release()
    lock.release()
    lockState(directory, owner).release()
  })

  it.each([
    ['damaged', 'not json'],
    ['of a former owner that is gone', '{"pid":4194304,"command":"serve"}'],
  ])('names nobody when the name is %s', (_case, text) => {
    const directory = temporaryPath()
    const lock = lockState(directory, owner)
    writeFileSync(`${directory}/lock.json`, text)
    expect(whyLocked(directory)).toBe(`another process uses ${directory}`)
    lock.release()
  })

  it('AD-05 keeps its files private', () => {
    const directory = temporaryPath()
    const lock = lockState(directory, owner)
    expect(JSON.parse(readFileSync(`${directory}/lock.json`, 'utf8'))).toEqual(owner)
    for (const file of ['lock.db', 'lock.json']) {
      expect(statSync(`${directory}/${file}`).mode & 0o777).toBe(0o600)
    }
    lock.release()
  })
})
