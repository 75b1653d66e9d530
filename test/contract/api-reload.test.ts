/** `POST /v1/reload` over real files: what changes, what the record says of it, and what comes first. */

import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createReload, type Reload } from '../../src/main/reload.ts'
import { openSettingsRecord } from '../../src/main/settings-record.ts'
import { openSettings, type LiveSettings } from '../../src/main/settings.ts'
import { createTestApi, type TestApi } from '../support/api.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts'

const LINE = 'POST /v1/reload'
const ORIGIN = '    services: {stripe: {origin: "https://gateway.example"}}\n'

let directory: TemporaryDirectory
let settings: LiveSettings
let reload: Reload
let api: TestApi
/** What was on the record when the new settings came into force. */
let recordedBefore: number[]

beforeEach(async () => {
  directory = createTemporaryDirectory()
  write('')
  settings = await openSettings({ env: {}, workingDirectory: directory.path }, silentLog)
  const path = join(directory.path, 'settings.json')
  const settingsRecord = openSettingsRecord({ path, settings, log: silentLog })
  await settingsRecord.recordSinceLastRun(async () => undefined)
  recordedBefore = []
  const data = { reload: async () => void recordedBefore.push(api.audit.changes.length) }
  const alerts = { reload: () => undefined }
  reload = createReload({ settings, settingsRecord, data, alerts, tls: undefined })
  api = await createTestApi({ reload: (record) => reload({ record, isRecordedFirst: true }) })
})

afterEach(() => {
  directory.remove()
})

function write(section: string): void {
  const text = `version: 1\nenvironments:\n  production:\n    control: {hosts: []}\n${section}`
  directory.write('apistronghold.yaml', text)
}

/** The settings that the newest record says have changed. */
const told = () => Object.keys(api.audit.changes.at(-1)?.details.settings ?? {})

const origin = () => settings.current.config.services.get('stripe')?.origin

describe('POST /v1/reload', () => {
  it('puts in force what the files say, on the record before that', async () => {
    write(ORIGIN)
    const { digest } = settings.current.catalog
    const { status, body } = await api.call(LINE)
    const catalogDigest = settings.current.catalog.digest
    expect([status, body]).toEqual([200, { changed: told().length, catalogDigest }])
    expect(catalogDigest).not.toBe(digest)
    expect(origin()).toBe('https://gateway.example')
    const changed = { 'services.stripe.origin': { after: 'https://gateway.example' } }
    expect(api.audit.changes).toMatchObject([
      { operator: 'alice', action: 'settings.reload', target: 'production', result: 'done' },
    ])
    expect(api.audit.changes[0]?.details).toMatchObject({
      catalog: catalogDigest,
      settings: changed,
    })
    expect(recordedBefore).toEqual([1])
  })

  it('says that nothing changed where nothing did', async () => {
    const catalogDigest = settings.current.catalog.digest
    expect((await api.call(LINE)).body).toEqual({ changed: 0, catalogDigest })
  })

  it('says what is wrong with the files, and changes nothing', async () => {
    const before = settings.current
    write('    tokens: {max_ttl: soon}\n')
    const { status, body } = await api.call(LINE)
    expect([status, body]).toMatchObject([409, { code: 'configuration_invalid' }])
    expect(body.detail).toContain('max_ttl')
    expect(settings.current).toBe(before)
    expect([recordedBefore, api.audit.changes]).toEqual([[], []])
  })

  it('changes nothing where it cannot be recorded, and does when asked again', async () => {
    write(ORIGIN)
    api.audit.fail()
    expect(await api.call(LINE)).toMatchObject({ status: 503, body: { code: 'audit_unavailable' } })
    expect(origin()).toBeUndefined()
    expect(recordedBefore).toEqual([])
    api.audit.recover()
    expect((await api.call(LINE)).status).toBe(200)
    expect(told()).toContain('services.stripe.origin')
    expect(origin()).toBe('https://gateway.example')
  })

  it.each(['issuer', 'auditor'] as const)('is not for an %s', async (role) => {
    write(ORIGIN)
    expect(await api.call(LINE, { key: api.keys[role] })).toMatchObject({ status: 403 })
    expect(origin()).toBeUndefined()
  })
})

it('a signal changes what the files say all the same, and the next reload records it', async () => {
  write(ORIGIN)
  const record = () => Promise.reject(new Error('the disk is full'))
  await expect(reload({ record, isRecordedFirst: false })).rejects.toThrow('full')
  expect(origin()).toBe('https://gateway.example')
  expect((await api.call(LINE)).status).toBe(200)
  expect(told()).toContain('services.stripe.origin')
})
