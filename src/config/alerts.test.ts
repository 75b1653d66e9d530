import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../config.ts'
import { WATCH_PRESETS } from '../insight/anomaly/create-watch.ts'
import { parseSyslogAddress } from './syslog-address.ts'

function read(alerts: string, env: Record<string, string> = {}) {
  const text = `version: 1\nenvironments:\n  production:\n    env_sources: [HOOK, CHAT]\n    alerts:\n${alerts.replace(/^/gm, '      ')}\n`
  return parseConfig(text, '/nowhere/apistronghold.yaml', { env, workingDirectory: '/' }).alerts
}

function mistakesOf(alerts: string): string {
  try {
    read(alerts)
  } catch (error) {
    return String(error)
  }
  return 'no mistake'
}

describe('the settings of alerts', () => {
  it('raise alerts and do nothing else unless told otherwise', () => {
    expect(read('window: 1h')).toEqual({
      policy: { windowMs: 3_600_000, actions: new Map(), maxActionsPerHour: 10 },
      watch: WATCH_PRESETS,
      targets: [],
    })
  })

  it('are read', () => {
    const alerts = read(`window: 30m
actions: {exfiltration: suspend_token, two_places: disable_agent, new_source: alert}
max_actions_per_hour: 3
learning: {time: 7d, requests: 50}
targets:
  - {type: webhook, url: "https://hooks.example/in", secret: env:HOOK, rules: [exfiltration], min_score: 0.5, ca_file: ca.pem}
  - {type: slack, secret: env:CHAT}
  - {type: syslog, address: "udp://10.0.0.5:514", allow_private_address: true}
  - {type: syslog, address: "unix:/dev/log"}
  - {type: stdout, name: lines}`)
    expect(alerts.policy).toEqual({
      windowMs: 1_800_000,
      actions: new Map([
        ['exfiltration', 'suspend_token'],
        ['two_places', 'disable_agent'],
      ]),
      maxActionsPerHour: 3,
    })
    expect(alerts.watch).toEqual({
      learningMs: 7 * 86_400_000,
      learningRequests: 50,
      quietMs: 1_800_000,
    })
    expect(alerts.targets).toEqual([
      {
        type: 'webhook',
        name: 'webhook:hooks.example',
        wants: { rules: new Set(['exfiltration']), minScore: 0.5 },
        url: { protocol: 'https:', hostname: 'hooks.example', port: 443, path: '/in' },
        secret: { source: 'env', variable: 'HOOK' },
        allowPrivateAddress: false,
        caFile: '/nowhere/ca.pem',
      },
      expect.objectContaining({ type: 'slack', name: 'slack', wants: { minScore: 0 } }),
      expect.objectContaining({
        name: 'syslog:10.0.0.5:514',
        address: { transport: 'udp', host: '10.0.0.5', port: 514 },
        allowPrivateAddress: true,
      }),
      expect.objectContaining({
        name: 'syslog:local',
        address: { transport: 'unix', path: '/dev/log' },
      }),
      { type: 'stdout', name: 'lines', wants: { minScore: 0 } },
    ])
  })

  it('can be variables', () => {
    const { policy, targets } = read('window: 1h', {
      APISTRONGHOLD_ALERTS_WINDOW: '5m',
      APISTRONGHOLD_ALERTS_TARGETS: '[{type: stdout}]',
    })
    expect([policy.windowMs, targets.length]).toEqual([300_000, 1])
  })

  it('name every mistake at once', () => {
    const mistakes = mistakesOf(`window: soon
actions: {exfiltration: explode, exfiltratoin: alert}
max_actions_per_hour: 0
colour: red
targets:
  - {type: webhook, url: "http://hooks.example/in"}
  - {type: slack, url: "https://hooks.example/in", secret: env:OTHER}
  - {type: slack, secret: env:OTHER}
  - {type: syslog, address: "udp://10.0.0.5:514", rules: [everything]}
  - {type: syslog, address: "tcp://10.0.0.5:514"}
  - {type: stdout, secret: env:HOOK, min_score: 2}
  - {type: stdout}
  - {type: stdout}
  - {type: pager}
  - {url: "https://a:b@hooks.example/"}`)
    for (const mistake of [
      'alerts.window: must be a duration',
      'alerts.actions.exfiltration: must be alert, suspend_token or disable_agent',
      'this name must be an anomaly rule: new_operation, ',
      'alerts.max_actions_per_hour: must be a whole number',
      'there is no setting "colour" here',
      'alerts.targets.0.url: must begin with https:// unless',
      'alerts.targets.0.secret: is missing: it is needed by a target of type webhook',
      'alerts.targets.1.url: means nothing for a target of type slack',
      'alerts.targets.3.rules.0: must be an anomaly rule',
      'alerts.targets.4.address: has no TLS',
      'alerts.targets.5.min_score: must be a number from 0 to 1',
      'alerts.targets.8.type: must be webhook, slack, syslog or stdout',
      'alerts.targets.9.type: is missing: it must be webhook',
      'a real secret stands here',
    ])
      expect(mistakes).toContain(mistake)
    expect(mistakes).not.toContain('hooks.example')
  })

  it('name what does not fit together', () => {
    const mistakes = mistakesOf(`targets:
  - {type: slack, secret: env:OTHER}
  - {type: stdout}
  - {type: stdout}`)
    expect(mistakes).toContain(
      'alerts.targets.0.secret: names a variable that env_sources does not list',
    )
    expect(mistakes).toContain('alerts.targets.2: is called as another target')
  })

  it('take no secret where a reference belongs, and quote none', () => {
    const mistakes = mistakesOf(
      `targets: [{type: slack, secret: "https://hooks.slack.com/services/T0/B0/abcdefgh"}]`,
    )
    expect(mistakes).toContain('alerts.targets.0.secret')
    expect(mistakes).not.toContain('abcdefgh')
  })
})

describe('the address of a syslog', () => {
  it.each([
    ['tls://logs.example:6514', { transport: 'tls', host: 'logs.example', port: 6514 }],
    ['tcp://[::1]:601', { transport: 'tcp', host: '::1', port: 601 }],
    ['unix:/dev/log', { transport: 'unix', path: '/dev/log' }],
  ])('%s is read', (text, address) => {
    expect(parseSyslogAddress(text)).toEqual(address)
  })

  it.each(['', 'logs.example:514', 'udp://logs.example', 'tls://a:0', 'unix:dev/log', 'unix:/a\0'])(
    '%j is refused',
    (text) => {
      expect(parseSyslogAddress(text)).toBeUndefined()
    },
  )

  it('never makes noise throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseSyslogAddress(text)))
  })
})
