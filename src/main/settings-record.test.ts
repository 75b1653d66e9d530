import { generateKeyPairSync } from 'node:crypto'
import { statSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import { silentLog } from '../base/log.ts'
import { sealerPublicKey } from '../secret/keys.ts'
import type { SettingsChange } from './settings-change.ts'
import { settingFacts } from './settings-facts.ts'
import { openSettingsRecord } from './settings-record.ts'
import { openSettings, type LiveSettings } from './settings.ts'

let directory: TemporaryDirectory
let settings: LiveSettings

beforeEach(async () => {
  directory = createTemporaryDirectory()
  write('')
  settings = await openSettings({ env: {}, workingDirectory: directory.path }, silentLog)
})

afterEach(() => {
  directory.remove()
})

function write(section: string): void {
  const text = `version: 1\nenvironments:\n  production:\n    control: {hosts: []}\n${section}`
  directory.write('apistronghold.yaml', text)
}

const target = (path: string) =>
  `    alerts: {targets: [{type: webhook, name: hook, url: "https://hooks.example/${path}", secret: "file:/s/hook"}]}\n    secret_dirs: [/s]\n`

const sealer = () => sealerPublicKey(generateKeyPairSync('ed25519').privateKey)

async function changeBetween(before: string, after: string): Promise<SettingsChange['settings']> {
  write(before)
  await settings.reload()
  const record = open()
  await record.recordSinceLastRun(async () => undefined)
  write(after)
  expect(await settings.reload()).toBe(true)
  let told: SettingsChange | undefined
  await record.recordChange(settings.current, async (change) => {
    told = change
  })
  return told?.settings ?? {}
}

const open = () =>
  openSettingsRecord({ path: join(directory.path, 'settings.json'), settings, log: silentLog })

describe('a change of the files', () => {
  it.each([
    ['audit.retention', '', '    audit: {retention: 30d}\n'],
    ['audit.quotaBytes', '', '    audit: {quota: 1GiB}\n'],
    [
      'alerts.policy.actions.dead_token',
      '',
      '    alerts: {actions: {dead_token: disable_agent}}\n',
    ],
    ['alerts.targets.stdout', '', '    alerts: {targets: [{type: stdout}]}\n'],
    ['alerts.targets.hook', target('a'), target('b')],
    ['vault.sealers.eve', '', `    vault: {sealers: {eve: "${sealer()}"}}\n`],
    ['environmentSources', '', '    env_sources: [STRIPE_KEY]\n'],
    ['secretDirectories', '', '    secret_dirs: [/run/secrets]\n'],
    ['limits.stopGraceSeconds', '', '    limits: {stop_grace: 3s}\n'],
    ['tokens.maxTtlSeconds', '', '    tokens: {max_ttl: 2h}\n'],
    ['stores.awsSm.region', '', '    stores: {aws_sm: {region: eu-central-1}}\n'],
    ['data.listen.port', '', '    data: {listen: "127.0.0.1:7777"}\n'],
    ['upstreamProxy.address.host', '', '    upstream_proxy: {url: "http://proxy.example:3128"}\n'],
    ['services.stripe.origin', '', '    services: {stripe: {origin: "https://gateway.example"}}\n'],
    ['catalog.stripe.origins', '', '    services: {stripe: {origin: "https://gateway.example"}}\n'],
    ['services.pay.extends', '', '    services: {pay: {extends: stripe}}\n'],
    [
      'catalog.stripe.sources',
      '    env_sources: [STRIPE_KEY]\n',
      '    env_sources: [STRIPE_KEY]\n    services: {stripe: {credential: "env:STRIPE_KEY"}}\n',
    ],
  ])('of %s is told', async (name, before, after) => {
    expect(Object.keys(await changeBetween(before, after))).toContain(name)
  })

  it('says from what to what', async () => {
    const changes = await changeBetween('', '    audit: {retention: 30d}\n')
    expect(changes).toEqual({ 'audit.retention': { before: '400d', after: '30d' } })
  })
})

it('holds no address of a webhook, which may be a secret', async () => {
  write(target('T0/B0/hush'))
  await settings.reload()
  await open().recordSinceLastRun(async () => undefined)
  const kept = readFileSync(join(directory.path, 'settings.json'), 'utf8')
  expect(kept).toContain('webhook; all rules')
  expect(kept).not.toContain('hush')
  expect(statSync(join(directory.path, 'settings.json')).mode & 0o777).toBe(0o600)
})

describe('at a start', () => {
  const told = async () => {
    const changes: SettingsChange[] = []
    await open().recordSinceLastRun(async (change) => {
      changes.push(change)
    })
    return changes.map(({ settings: changed }) => changed)
  }

  it('tells what changed since the last run, once', async () => {
    expect(await told()).toEqual([])
    write('    tokens: {max_ttl: 2h}\n')
    await settings.reload()
    const changed = { 'tokens.maxTtlSeconds': { before: '86400', after: '7200' } }
    expect(await told()).toEqual([changed])
    expect(await told()).toEqual([])
  })

  it('tells again what could not be recorded', async () => {
    await told()
    write('    tokens: {max_ttl: 2h}\n')
    await settings.reload()
    const isFull = () => Promise.reject(new Error('the disk is full'))
    const failing = open().recordChange(settings.current, isFull)
    await expect(failing).rejects.toThrow('full')
    expect(await told()).toHaveLength(1)
  })

  it('begins anew where its note cannot be read', async () => {
    directory.write('settings.json', '{"version":')
    expect(await told()).toEqual([])
    expect(readFileSync(join(directory.path, 'settings.json'), 'utf8')).toContain('tokens')
  })
})

it('leaves nothing of the configuration out but what the files are called after', () => {
  const names = new Set(
    [...settingFacts(settings.current).keys()].map((name) => name.split('.')[0]),
  )
  const sections = Object.entries(settings.current.config)
  for (const [name, value] of sections)
    if (value !== undefined && !isEmptySection(value)) expect(names, name).toContain(name)
})

/** Nothing is set there, and there is no default. */
function isEmptySection(value: unknown): boolean {
  if (value instanceof Map || value instanceof Set) return value.size === 0
  return typeof value === 'object' && value !== null
    ? Object.values(value).every((member) => member === undefined || isEmptySection(member))
    : false
}
