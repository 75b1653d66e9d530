import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unseal } from '../secret/envelope.ts'
import { readInbox } from '../state-dir/inbox.ts'
import { readServerKeys } from '../state-dir/key-files.ts'
import { planInit } from './init-plan.ts'
import { INIT_STEPS } from './init-steps.ts'
import { plainWishes } from './init.ts'
import { run } from './main.ts'
import { loadLocal, type Session } from './session.ts'
import { aTerminal, type CollectingTerminal } from './terminal.testing.ts'
import { createWitness } from './witness.ts'

const KEY = 'sk_test_a1B2c3D4e5F6g7H8i9J0k1'
const INIT = ['init', '--env', 'production', '--yes', '--no-start', '--services', 'stripe']
const IMPORT = ['--import-secret', 'stripe=env:STRIPE_KEY']

let folder = ''
let terminal: CollectingTerminal
let session: Session
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'init-'))
  terminal = aTerminal({
    workingDirectory: folder,
    env: { HOME: folder, APISTRONGHOLD_STATE_DIR: join(folder, 'state'), STRIPE_KEY: KEY },
  })
  const shared = { env: 'production', yes: true }
  session = { terminal, shared, witness: createWitness(terminal, {}) }
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** Every file below the folder, with its content. */
function snapshot(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path, readFileSync(path, 'utf8')]),
  )
}

async function openInbox() {
  const { config, state } = loadLocal(session)
  const { vault } = await readServerKeys(state)
  const [item] = readInbox(state)
  return await unseal(item?.envelope ?? '', {
    identity: vault.identity,
    sealers: config.vault.sealers,
    env: 'production',
    name: 'stripe',
    minimumVersion: 0,
  })
}

describe('AD-05 init', () => {
  it('seals what it imports for the hosts of its service, and writes it nowhere in clear', async () => {
    expect(await run([...INIT, ...IMPORT], terminal)).toBe(0)
    expect(await openInbox()).toMatchObject({
      ok: true,
      value: {
        version: 1,
        origins: [
          'https://api.stripe.com',
          'https://files.stripe.com',
          'https://connect.stripe.com',
        ],
      },
    })
    expect(JSON.stringify([snapshot(), terminal.printed, terminal.noted])).not.toContain(KEY)
  })

  it('changes nothing the second time, and says so', async () => {
    await run([...INIT, ...IMPORT], terminal)
    const first = snapshot()
    terminal.printed.length = 0
    expect(await run([...INIT, ...IMPORT], terminal)).toBe(0)
    expect(snapshot()).toEqual(first)
    expect(terminal.printed.join()).toContain('production was set up already: nothing changed')
    expect(terminal.noted.join()).toContain('stripe is stored already and was kept')
  })

  it.each(INIT_STEPS.map(({ name }, index) => [name, index + 1] as const))(
    'is completed by running it again after it was cut off behind the step "%s"',
    async (_name, count) => {
      const wishes = {
        ...plainWishes('production'),
        services: ['stripe'],
        imports: ['stripe=env:STRIPE_KEY'],
        isStarting: false,
      }
      const plan = await planInit(session, wishes)
      for (const step of INIT_STEPS.slice(0, count)) await step.run(session, plan)
      const before = snapshot()
      expect(await run([...INIT, ...IMPORT], terminal)).toBe(0)
      const after = snapshot()
      for (const [path, text] of Object.entries(before)) expect(after[path]).toBe(text)
      expect(await openInbox()).toMatchObject({ ok: true })
    },
  )

  it('adds to a configuration that is there and keeps its words', async () => {
    const path = join(folder, 'apistronghold.yaml')
    writeFileSync(
      path,
      '# ours\nversion: 1\ndefault_env: staging\nenvironments:\n  staging: {data: {listen: 127.0.0.1:7000}} # soon\n',
    )
    expect(await run(INIT, terminal)).toBe(0)
    const text = readFileSync(path, 'utf8')
    expect(text).toContain('# ours\n')
    expect(text).toContain('staging: {data: {listen: 127.0.0.1:7000}} # soon')
    expect(text).toContain('default_env: production')
  })

  it('refuses a configuration that seals to the vault of another machine', async () => {
    await run(INIT, terminal)
    rmSync(join(folder, 'state'), { recursive: true })
    expect(await run(INIT, terminal)).toBe(1)
    expect(terminal.noted.join()).toContain('restore keys/vault.key')
    expect(readdirSync(folder)).toEqual(['apistronghold.yaml'])
  })

  it('writes references and where they may be read from', async () => {
    const references = [
      '--secret-ref',
      'stripe=env:STRIPE_KEY',
      '--secret-ref',
      'openai-admin=file:/run/secrets/openai',
    ]
    expect(
      await run([...INIT, ...references, '--service-listen', 'stripe=127.0.0.1:8910'], terminal),
    ).toBe(0)
    const { config } = loadLocal(session)
    expect(config.services.get('stripe')?.credential).toEqual({
      source: 'env',
      variable: 'STRIPE_KEY',
    })
    expect(config.services.get('openai')?.splits.get('admin')).toEqual({
      source: 'file',
      path: '/run/secrets/openai',
    })
    expect(config.environmentSources).toEqual(['STRIPE_KEY'])
    expect(config.secretDirectories).toEqual(['/run/secrets'])
    expect(config.data.serviceListen.get('stripe')?.port).toBe(8910)
  })

  it('points a waiting secret elsewhere together with its service', async () => {
    await run([...INIT, ...IMPORT], terminal)
    expect(
      await run(
        [
          'service',
          'set',
          'stripe',
          '--origin',
          'https://localhost:9443',
          '--allow-private-address',
        ],
        terminal,
      ),
    ).toBe(0)
    expect(await openInbox()).toMatchObject({ value: { origins: ['https://localhost:9443'] } })
  })
})
