import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cleanEnvironment, COMMAND } from '../support/command.ts'
import { createTemporaryDirectory } from '../support/temporary.ts'

/** A Node of this machine that is too old for us, where there is one. */
const oldNode = findOldNode()
// eslint-disable-next-line no-console -- a test that cannot run here must say so
if (oldNode === undefined) console.warn('no Node below 24 on this machine: not tried with one')

function findOldNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders
    .map((folder) => join(folder, 'node'))
    .find((path) => {
      if (!existsSync(path)) return false
      const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' })
      return Number(version.split('.')[0]) < 24
    })
}

describe.skipIf(oldNode === undefined)('on a Node that is too old', () => {
  const folder = createTemporaryDirectory()
  afterAll(() => {
    folder.remove()
  })

  async function runOld(script: string, ...args: string[]) {
    const env = cleanEnvironment(folder.path)
    const child = spawn(oldNode ?? '', [script, ...args], { cwd: folder.path, env })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
    const code = await new Promise((resolve) => child.once('close', resolve))
    return { code, printed }
  }

  it('a clone goes on with the Node that npm put beside it, exit code included', async () => {
    expect((await runOld(COMMAND, '--version')).printed).toMatch(/^\d+\.\d+\.\d+\n$/)
    const { code, printed } = await runOld(COMMAND, 'status')
    expect(printed).toMatch(/^error: there is no configuration here/)
    expect(code).toBe(1)
  })

  it('a package says in one sentence what is missing', async () => {
    const copy = join(folder.path, 'package', 'bin', 'apistronghold.js')
    mkdirSync(join(folder.path, 'package', 'bin'), { recursive: true })
    cpSync(join(COMMAND, '..', '..', 'package.json'), join(folder.path, 'package', 'package.json'))
    cpSync(COMMAND, copy)
    const { code, printed } = await runOld(copy, 'status')
    expect(printed).toMatch(/^apistronghold needs Node 24 or newer; this is v\d+\.\d+\.\d+: .*\n$/)
    expect(code).toBe(1)
  })
})
