import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startFakeVault } from '../../test/support/fake-vault.ts'
import { createDialogue } from './dialogue.ts'
import { run } from './main.ts'
import { aTerminal } from './terminal.testing.ts'

const ENTER = '\r'
const DOWN = '\u001B[B'
const CANCEL = '\u0003'
/** Ends the line that was suggested (Ctrl-U). */
const CLEAR = '\u0015'
const KEY = 'sk_test_a1B2c3D4e5F6g7H8i9J0k1'

type Answers = Parameters<typeof aPerson>[0]

let folder = ''
let variables: Readonly<Record<string, string>> = {}
beforeEach(() => {
  variables = {}
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'dialogue-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** A person who waits for each question before typing the answer to it. */
function aPerson(answers: readonly (readonly [question: string, keys: readonly string[]])[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input })
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 })
  let seen = ''
  output.setEncoding('utf8').on('data', (text: string) => (seen += stripVTControlCharacters(text)))
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const type = async () => {
    let from = 0
    for (const [question, keys] of answers) {
      while (!seen.slice(from).includes(question)) await settle()
      from = seen.length
      for (const key of keys) {
        input.write(key)
        await settle() // keys that come at once are read as one
      }
    }
  }
  return { dialogue: createDialogue({ input, output }), type, seen: () => seen }
}

async function init(answers: Answers, ...options: string[]) {
  const { dialogue, type, seen } = aPerson(answers)
  const env = { HOME: folder, APISTRONGHOLD_STATE_DIR: join(folder, 'state'), ...variables }
  const terminal = aTerminal({ workingDirectory: folder, env, dialogue, isInteractive: true })
  const typing = type()
  const exitCode = await run(['init', '--env', 'production', '--no-start', ...options], terminal)
  if (exitCode === 0) await typing
  const printed = [...terminal.printed, ...terminal.noted].join('\n')
  return { exitCode, seen: seen(), printed }
}

const config = () => readFileSync(join(folder, 'apistronghold.yaml'), 'utf8')

describe('init on a terminal', () => {
  it('walks through store, services, credentials, key and listeners', async () => {
    const { exitCode, seen, printed } = await init([
      ['Where do the real credentials live', [ENTER]],
      ['Which services shall agents reach', ['stripe', '\t', ENTER]],
      ['Credential for stripe', [KEY, ENTER]],
      ['Which key signs tokens', [ENTER]],
      ['reach the data plane', [ENTER]],
      ['reach the control plane', [ENTER]],
    ])
    expect(exitCode).toBe(0)
    expect(config()).toContain('credential: vault:stripe')
    expect(readdirSync(join(folder, 'state', 'inbox'))).toEqual(['stripe.json'])
    expect(seen).toContain('HashiCorp Vault')
    expect(seen + printed).not.toContain(KEY)
  })

  it('asks for variables instead, and not for what the options said', async () => {
    const { exitCode } = await init(
      [
        ['Where do the real credentials live', [DOWN, ENTER]],
        ['Which variable holds the credential for openai', [ENTER]],
        ['Which key signs tokens', [ENTER]],
        ['reach the control plane', [ENTER]],
      ],
      ...['--services', 'openai', '--listen', '127.0.0.1:7000'],
    )
    expect(exitCode).toBe(0)
    expect(config()).toContain('credential: env:OPENAI_KEY')
    expect(config()).toContain('listen: 127.0.0.1:7000')
  })

  it('asks a store elsewhere before it goes on, and again where it says no', async () => {
    const vault = await startFakeVault()
    vault.putV2('openai', { key: KEY })
    variables = { VAULT_TOKEN: vault.rootToken }
    const asked = (path: string): Answers => [
      ['Where is it?', [CLEAR, vault.url, ENTER]],
      ['Which namespace', [ENTER]],
      ['How does the proxy prove itself', [ENTER]],
      ['Where is the token kept', [ENTER]],
      ['in a private network', ['y']],
      ['certificates that verify it', [ENTER]],
      ['Where is the credential for openai', [CLEAR, path, ENTER]],
    ]
    try {
      const { exitCode, seen, printed } = await init(
        [
          ['Where do the real credentials live', [DOWN, DOWN, DOWN, ENTER]],
          ...asked('secret/data/wrong#key'),
          ['What now?', [ENTER]],
          ...asked('secret/data/openai#key'),
          ['Which key signs tokens', [ENTER]],
          ['reach the control plane', [ENTER]],
        ],
        ...['--services', 'openai', '--listen', '127.0.0.1:7000'],
      )
      expect(seen).toContain('there is nothing for openai')
      expect(exitCode).toBe(0)
      expect(config()).toContain('credential: hashicorp:secret/data/openai#key')
      expect(config()).toContain(`address: ${vault.url}`)
      expect(seen + printed + config()).not.toContain(KEY)
    } finally {
      await vault.close()
    }
  })

  it('changes nothing when it is cancelled', async () => {
    const { exitCode, printed } = await init([
      ['Where do the real credentials live', [ENTER]],
      ['Which services shall agents reach', [CANCEL]],
    ])
    expect([exitCode, printed]).toEqual([1, 'error: cancelled; nothing was changed'])
    expect(readdirSync(folder)).toEqual([])
  })
})
