/**
 * The settings in force as plain pairs of a name and a text, for the audit. References stand for
 * secrets; an alert target is its name, its kind and a digest, since an address may be a secret.
 */

import { createHash, KeyObject } from 'node:crypto'
import { formatRetention } from '../config/audit.ts'
import type { AlertSettings, TargetSettings } from '../config/alerts.ts'
import { originsOf, secretNamesOf } from '../config/service-settings.ts'
import type { Service } from '../catalog/service.ts'
import { formatReference, type SourceReference } from '../secret/reference.ts'
import type { Settings } from './settings.ts'

/** In an order in which what matters most comes first. */
export type SettingFacts = ReadonlyMap<string, string>

export function settingFacts(settings: Settings): SettingFacts {
  const { config, catalog } = settings
  const { alerts, audit, ...others } = config
  const services = [...catalog.services.values()]
  return new Map([
    ...leavesOf('audit', { ...audit, retentionSeconds: undefined }),
    ['audit.retention', formatRetention(audit)],
    ...alertFacts(alerts),
    ...leavesOf('', others),
    ...services.flatMap((service) => wayFacts(service, settings)),
    ...services.map(({ id, digest }): Leaf => [`catalog.${id}.digest`, digest]),
  ])
}

type Leaf = readonly [name: string, text: string]

function alertFacts({ targets, ...others }: AlertSettings): Leaf[] {
  return [
    ...leavesOf('alerts', others),
    ...targets.map((target): Leaf => [`alerts.targets.${target.name}`, describeTarget(target)]),
  ]
}

function describeTarget(target: TargetSettings): string {
  const { type, wants } = target
  const rules = wants.rules ? [...wants.rules].join(', ') : 'all rules'
  const all = JSON.stringify(leavesOf('', target))
  return `${type}; ${rules}; score ${wants.minScore}; ${digestOf(all)}`
}

/** Where a service's credential comes from and where it may go, whatever file says so. */
function wayFacts(service: Service, { references }: Settings): Leaf[] {
  const sources = secretNamesOf(service).map((name) => {
    const reference = references.get(name)
    return reference ? formatReference(reference) : name
  })
  return [
    [`catalog.${service.id}.origins`, originsOf(service).join(', ')],
    [`catalog.${service.id}.sources`, sources.join(', ')],
  ]
}

function leavesOf(name: string, value: unknown): Leaf[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return [[name, value]]
  if (typeof value !== 'object') return [[name, JSON.stringify(value)]]
  const text = textOf(value)
  if (text !== undefined) return [[name, text]]
  const members = value instanceof Map ? [...value] : Object.entries(value)
  return members.flatMap(([key, member]) =>
    leavesOf(name === '' ? String(key) : `${name}.${String(key)}`, member),
  )
}

/** What is a text to people though it is an object here; undefined: what its members are. */
function textOf(value: object): string | undefined {
  if (value instanceof KeyObject) return digestOf(value.export({ type: 'spki', format: 'der' }))
  if (value instanceof URL) return value.href
  if (value instanceof Set) return [...value].join(', ')
  if (Array.isArray(value)) return value.map(String).join(', ')
  // Nothing else in the configuration has a member of this name.
  return 'source' in value ? formatReference(value as SourceReference) : undefined
}

function digestOf(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}
