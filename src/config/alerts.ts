/** Alerts: how long they are one, what they do, and where they are delivered. */

import { resolve } from 'node:path'
import { z } from 'zod'
import {
  ALERT_ACTIONS,
  ANOMALY_RULES,
  type AlertAction,
  type AlertPolicy,
} from '../insight/alert.ts'
import type { AlertFilter } from '../insight/alert-target.ts'
import type { WatchSettings } from '../insight/anomaly/create-watch.ts'
import type { AnomalyRule } from '../insight/watch.ts'
import type { SourceReference } from '../secret/reference.ts'
import type { WebhookUrl } from '../secret/webhook-url.ts'
import { formatAddress, isLoopback } from './address.ts'
import {
  anomalyRule,
  count,
  duration,
  flag,
  listOf,
  mapOf,
  mountedReference,
  path,
  score,
  section,
  syslogAddress,
  targetName,
  webhookUrl,
} from './forms.ts'
import { required, setting } from './setting.ts'
import type { SyslogAddress } from './syslog-address.ts'
import { presetSeconds } from './units.ts'

interface NetworkTarget {
  readonly allowPrivateAddress: boolean
  /** Absolute. */
  readonly caFile: string | undefined
}

type TargetPlace =
  | ({
      readonly type: 'webhook'
      readonly url: WebhookUrl
      /** Where `whsec_...` is kept. */
      readonly secret: SourceReference
    } & NetworkTarget)
  /** `secret`: where the URL is kept, which is one itself. */
  | ({ readonly type: 'slack'; readonly secret: SourceReference } & NetworkTarget)
  | ({ readonly type: 'syslog'; readonly address: SyslogAddress } & NetworkTarget)
  | { readonly type: 'stdout' }

export type TargetSettings = { readonly name: string; readonly wants: AlertFilter } & TargetPlace

export interface AlertSettings {
  readonly policy: AlertPolicy
  /** What the rules go by. */
  readonly watch: WatchSettings
  readonly targets: readonly TargetSettings[]
}

export const ALERT_PRESETS = {
  window: '1h',
  maxActionsPerHour: 10,
  minScore: 0,
  learningTime: '3d',
  learningRequests: 200,
} as const

const TYPES = ['webhook', 'slack', 'syslog', 'stdout'] as const
type TargetType = (typeof TYPES)[number]

const targetFields = section({
  type: required(z.enum(TYPES, { error: 'must be webhook, slack, syslog or stdout' }), {
    form: 'webhook, slack, syslog or stdout',
    meaning: 'what the target understands',
  }),
  name: setting(targetName(), {
    form: 'name',
    meaning: 'what commands and the log call it; needed where two would have the same',
    preset: '<type>, with the host',
  }),
  url: setting(webhookUrl(), {
    form: 'https://HOST/PATH',
    meaning: 'where a `webhook` is posted to',
  }),
  secret: setting(mountedReference(), {
    form: 'env:VARIABLE or file:/PATH',
    meaning:
      'where the signing secret (`whsec_...`) of a `webhook` is kept, or the whole URL of a `slack` webhook; never the secret itself',
  }),
  address: setting(syslogAddress(), {
    form: 'tls://HOST:PORT, tcp://, udp:// or unix:/PATH',
    meaning: 'where `syslog` listens; `tcp` and `udp` only in private networks',
  }),
  rules: setting(listOf(anomalyRule(), 'anomaly rules'), {
    form: 'list of rules',
    meaning: 'only alerts of these rules are delivered here',
    preset: 'all',
  }),
  min_score: setting(score(), {
    form: 'number from 0 to 1',
    meaning: 'only alerts of at least this score are delivered here',
    preset: String(ALERT_PRESETS.minScore),
  }),
  allow_private_address: setting(flag(), {
    form: 'true or false',
    meaning: 'lets the target be on loopback or in a private network',
    preset: 'false',
  }),
  ca_file: setting(path(), {
    form: 'path',
    meaning: 'certificates (PEM) that verify the target, instead of the public ones',
  }),
})

type TargetSection = z.output<typeof targetFields>
type Field = keyof TargetSection

const NETWORK: readonly Field[] = ['allow_private_address', 'ca_file']
const FIELDS: Readonly<Record<TargetType, { needs: readonly Field[]; may: readonly Field[] }>> = {
  webhook: { needs: ['url', 'secret'], may: NETWORK },
  slack: { needs: ['secret'], may: NETWORK },
  syslog: { needs: ['address'], may: NETWORK },
  stdout: { needs: [], may: [] },
}
const COMMON: readonly Field[] = ['type', 'name', 'rules', 'min_score']

export const targetSection = targetFields.superRefine((target, check) => {
  for (const [field, message] of [...fieldMistakes(target), ...placeMistakes(target)])
    check.addIssue({ code: 'custom', path: [field], message, input: target })
})

type FieldMistake = readonly [Field, string]

function fieldMistakes(target: TargetSection): FieldMistake[] {
  const { type } = target
  const { needs, may } = FIELDS[type]
  const given = Object.keys(target) as Field[] // the schema lets no others in
  const known = [...COMMON, ...needs, ...may]
  return [
    ...needs
      .filter((field) => target[field] === undefined)
      .map((field) => [field, `is needed by a target of type ${type}`] as const),
    ...given
      .filter((field) => !known.includes(field))
      .map((field) => [field, `means nothing for a target of type ${type}`] as const),
  ]
}

function placeMistakes(target: TargetSection): FieldMistake[] {
  const { url, address, allow_private_address: allowsPrivate = false } = target
  const mistakes: FieldMistake[] = []
  if (url?.protocol === 'http:' && !isLoopback({ host: url.hostname, port: url.port }))
    mistakes.push(['url', 'must begin with https:// unless it is on this machine'])
  if ((address?.transport === 'tcp' || address?.transport === 'udp') && !allowsPrivate)
    mistakes.push([
      'address',
      'has no TLS: use tls://, or set allow_private_address for a private network',
    ])
  return mistakes
}

const learningSection = section({
  time: setting(duration(), {
    form: 'duration',
    meaning: 'an agent must be known for so long before it can surprise',
    preset: ALERT_PRESETS.learningTime,
  }),
  requests: setting(count(), {
    form: 'number',
    meaning: 'and must have been let in so often',
    preset: String(ALERT_PRESETS.learningRequests),
  }),
})

export const alertsSection = section({
  window: setting(duration(), {
    form: 'duration',
    meaning: 'how long the same rule about the same agent is one alert, delivered once',
    preset: ALERT_PRESETS.window,
  }),
  actions: setting(
    mapOf(
      anomalyRule(),
      z.enum(['alert', ...ALERT_ACTIONS], {
        error: 'must be alert, suspend_token or disable_agent',
      }),
      'RULE: alert, suspend_token or disable_agent',
    ),
    {
      form: 'rule: alert, suspend_token or disable_agent',
      meaning: 'what a rule does besides its alert: nothing, suspend the token, disable the agent',
      preset: 'alert, for each rule',
    },
  ),
  max_actions_per_hour: setting(count(), {
    form: 'number',
    meaning: 'tokens suspended and agents disabled by alerts; more are only reported',
    preset: String(ALERT_PRESETS.maxActionsPerHour),
  }),
  learning: learningSection.optional(),
  targets: setting(listOf(targetSection, 'targets'), {
    form: 'list of targets',
    meaning: 'where alerts are delivered; see below',
  }),
})

type AlertsSection = z.output<typeof alertsSection>

export function alertSettings(
  settings: AlertsSection | undefined = {},
  directory: string,
): AlertSettings {
  const windowMs = (settings.window ?? presetSeconds(ALERT_PRESETS.window)) * 1000
  return {
    watch: { ...learningOf(settings), quietMs: windowMs },
    policy: {
      windowMs,
      actions: actionsOf(settings),
      maxActionsPerHour: settings.max_actions_per_hour ?? ALERT_PRESETS.maxActionsPerHour,
    },
    targets: (settings.targets ?? []).map((target) => targetOf(target, directory)),
  }
}

function learningOf({ learning = {} }: AlertsSection) {
  const seconds = learning.time ?? presetSeconds(ALERT_PRESETS.learningTime)
  const learningRequests = learning.requests ?? ALERT_PRESETS.learningRequests
  return { learningMs: seconds * 1000, learningRequests }
}

function actionsOf({ actions = {} }: AlertsSection): Map<AnomalyRule, AlertAction> {
  const entries = ANOMALY_RULES.flatMap((rule) => {
    const action = actions[rule]
    return action === undefined || action === 'alert' ? [] : [[rule, action] as const]
  })
  return new Map(entries)
}

/** The name of a target that was given none. */
export function targetNameOf({ name, type, url, address }: TargetSection): string {
  if (name !== undefined) return name
  if (url) return `${type}:${url.hostname}`
  if (address) return `${type}:${address.transport === 'unix' ? 'local' : formatAddress(address)}`
  return type
}

function targetOf(target: TargetSection, directory: string): TargetSettings {
  const { rules, min_score: minScore = ALERT_PRESETS.minScore } = target
  const chosen = rules && new Set(ANOMALY_RULES.filter((rule) => rules.includes(rule)))
  const wants = { minScore, ...(chosen && { rules: chosen }) }
  return { name: targetNameOf(target), wants, ...placeOf(target, directory) }
}

function placeOf(target: TargetSection, directory: string): TargetPlace {
  const { type, url, secret, address, ca_file: caFile } = target
  const network = {
    allowPrivateAddress: target.allow_private_address ?? false,
    caFile: caFile === undefined ? undefined : resolve(directory, caFile),
  }
  if (type === 'webhook' && url && secret) return { type, url, secret, ...network }
  if (type === 'slack' && secret) return { type, secret, ...network }
  if (type === 'syslog' && address) return { type, address, ...network }
  return { type: 'stdout' }
}
