import { expect, it } from 'vitest'
import { aCatalog, aService } from '../../test/support/services.ts'
import type { Service } from '../catalog/service.ts'
import { changedRetention, changedServices } from './settings-change.ts'
import type { Settings } from './settings.ts'

/** As much of the settings as a change is told from. */
function settingsOf(service: Service, variable?: string): Settings {
  const reference =
    variable === undefined
      ? ({ source: 'vault', name: service.credential } as const)
      : ({ source: 'env', variable } as const)
  const catalog = aCatalog([service])
  return { catalog, references: new Map([[service.credential, reference]]) } as unknown as Settings // no more is asked for
}

const stripe = aService('stripe', { read: 'read' })

it('says nothing when nothing changed', () => {
  expect(changedServices(settingsOf(stripe), settingsOf(stripe))).toEqual({})
})

it('names where a credential went before and where it goes now', () => {
  const origin = { url: 'https://gateway.example', allowPrivateAddress: false }
  const changes = changedServices(settingsOf(stripe), settingsOf({ ...stripe, origin }))
  expect(changes.stripe?.after?.origins).toEqual(['https://gateway.example'])
  expect(changes.stripe?.before?.origins).not.toEqual(['https://gateway.example'])
})

it('names where a credential came from before and where it comes from now', () => {
  const changes = changedServices(settingsOf(stripe), settingsOf(stripe, 'STRIPE_KEY'))
  expect(changes.stripe?.before?.sources).toEqual(['vault:stripe'])
  expect(changes.stripe?.after?.sources).toEqual(['env:STRIPE_KEY'])
})

it.each([
  [400, 400, {}],
  [undefined, undefined, {}],
  [400, 30, { auditRetention: { before: '400d', after: '30d' } }],
  [400, undefined, { auditRetention: { before: '400d', after: 'forever' } }],
])('tells how long the audit was kept and is kept now: %s, %s days', (before, after, expected) => {
  const keeping = (days: number | undefined) => {
    const audit = { retentionSeconds: days === undefined ? undefined : days * 86_400 }
    return { config: { audit } } as unknown as Settings // no more is asked for
  }
  expect(changedRetention(keeping(before), keeping(after))).toEqual(expected)
})
