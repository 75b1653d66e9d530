import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKey } from '../support/canary.ts'
import { startCliFolder, type CliFolder } from '../support/cli-folder.ts'
import { run, runWell } from '../support/command.ts'
import { setSetting } from '../support/store-settings.ts'

let folder: CliFolder
beforeAll(async () => {
  folder = await startCliFolder()
})
afterAll(() => folder.end())

const place = (input?: string) => folder.place(input)
const json = (...args: readonly string[]) => folder.json(...args)

describe('the source of a secret', () => {
  it('may be a reference in the configuration instead, which the service reads at once', async () => {
    const set = ['secret', 'set', 'openai', '--source', 'env:OPENAI_KEY']
    const { code, stdout, stderr } = await run(set, place())
    expect(code).toBe(0)
    expect(stdout).toContain('openai is read from env:OPENAI_KEY in production')
    expect(stdout).toContain('the running service was told')
    expect(stderr).toContain('restart it if OPENAI_KEY is new')
    const text = readFileSync(join(folder.path, 'apistronghold.yaml'), 'utf8')
    expect(text).toContain('env_sources: [OPENAI_KEY]')
    expect(await json('secret', 'list')).toMatchObject({
      items: [{ name: 'openai', source: 'env:OPENAI_KEY' }],
    })
  })

  it('is not stored where the service would not read it, until the vault is named', async () => {
    const refused = await run(['secret', 'set', 'openai'], place(makeKey('sk-')))
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(
      'openai is read from env:OPENAI_KEY (apistronghold.yaml): set OPENAI_KEY where the proxy runs, or `apistronghold secret set openai --source vault`',
    )
    const moved = await run(['secret', 'set', 'openai', '--source', 'vault'], place(makeKey('sk-')))
    expect(moved.stderr).toContain('openai is read from vault:openai in production')
    expect(moved.code).toBe(0)
    expect(readFileSync(join(folder.path, 'apistronghold.yaml'), 'utf8')).toContain('vault:openai')
    expect(await runWell(['secret', 'delete', 'openai'], place())).toContain('openai deleted')
  })

  it.each([
    [
      'hashicorp:secret/data/openai#key',
      'change it in HashiCorp Vault or OpenBao itself (secret/data/openai, field key), which the proxy only reads',
    ],
    ['aws-sm:prod/openai', 'change it in AWS Secrets Manager itself (prod/openai)'],
  ])('is not written to in a store elsewhere: %s', async (source, words) => {
    setSetting(folder.path, ['env_sources'], ['VAULT_TOKEN'])
    setSetting(folder.path, ['stores'], {
      hashicorp: { address: 'https://vault.test', auth: 'token', token: 'env:VAULT_TOKEN' },
      aws_sm: { region: 'eu-central-1' },
    })
    await runWell(['secret', 'set', 'openai', '--source', source], place())
    const rotated = await run(['secret', 'rotate', 'openai'], place(makeKey('sk-')))
    expect(rotated).toMatchObject({ code: 1, stdout: '' })
    expect(rotated.stderr).toContain(words)
    expect(rotated.stderr).not.toContain('store it at')
  })

  it('is warned about when it is a file that is not there', async () => {
    const path = join(folder.path, 'absent')
    const { code, stderr } = await run(
      ['secret', 'set', 'openai', '--source', `file:${path}`],
      place(),
    )
    expect(code).toBe(0)
    expect(stderr).toContain(`warning: there is no file ${path} here`)
  })
})
