import { describe, expect, it } from 'vitest'
import { AGENT, aFinding, aMute, TOKEN_ID } from '../../test/support/alerts.ts'
import { NOW } from '../../test/support/grants.ts'
import type { AlertPolicy } from './alert.ts'
import { planRaise, type Circumstances } from './raise.ts'

const HOUR = 3_600_000
const policy: AlertPolicy = {
  windowMs: HOUR,
  actions: new Map([
    ['exfiltration', 'suspend_token'],
    ['two_places', 'disable_agent'],
  ]),
  maxActionsPerHour: 10,
}
const hook = { name: 'hook', wants: { minScore: 0.5 } }
const chat = { name: 'chat', wants: { minScore: 0, rules: new Set(['exfiltration' as const]) } }

const circumstances = (overrides: Partial<Circumstances> = {}): Circumstances => ({
  policy,
  mutes: [],
  targets: [hook, chat],
  now: NOW + 1000,
  ...overrides,
})

describe('a finding', () => {
  it('becomes an alert that goes to whoever wants it', () => {
    const finding = aFinding()
    expect(planRaise(finding, circumstances())).toEqual({
      key: finding.key,
      draft: expect.objectContaining({
        rule: 'refusal_burst',
        agent: AGENT,
        firstAt: NOW,
      }) as object,
      windowMs: HOUR,
      targets: [{ name: 'hook', minScore: 0.5 }],
      now: NOW + 1000,
    })
  })

  it.each([
    ['exfiltration', 0.7, ['hook', 'chat']],
    ['exfiltration', 0.3, ['chat']],
    ['new_source', 0.3, []],
    ['new_source', 0.5, ['hook']],
  ] as const)('of %s with score %d is told to %j', (rule, score, targets) => {
    const raise = planRaise(aFinding({ rule, score }), circumstances())
    expect(raise?.targets.map(({ name }) => name)).toEqual(targets)
  })

  it.each([
    [{ rule: 'exfiltration' }, { action: 'suspend_token', target: TOKEN_ID }],
    [{ rule: 'two_places' }, { action: 'disable_agent', target: AGENT }],
    [{ rule: 'new_source' }, undefined],
    [{ rule: 'exfiltration', tokenId: undefined }, undefined],
    [{ rule: 'two_places', agent: undefined }, undefined],
  ] as const)('%j acts by policy: %j', (overrides, action) => {
    expect(planRaise(aFinding(overrides), circumstances())?.action).toEqual(action)
  })

  it.each([
    ['its agent', { agent: AGENT }, true],
    ['its rule', { agent: undefined, rule: 'exfiltration' }, true],
    ['both', { agent: AGENT, rule: 'exfiltration' }, true],
    ['another agent', { agent: 'worker' }, false],
    ['its agent and another rule', { agent: AGENT, rule: 'new_source' }, false],
    ['what has ended', { agent: AGENT, until: NOW + 1000 }, false],
  ] as const)('under a mute of %s is quiet: %s', (_case, overrides, isQuiet) => {
    const mute = aMute(overrides)
    const raise = planRaise(aFinding({ rule: 'exfiltration' }), circumstances({ mutes: [mute] }))
    expect(raise?.muteId).toBe(isQuiet ? mute.id : undefined)
    expect(raise?.targets.map(({ name }) => name)).toEqual(isQuiet ? [] : ['hook', 'chat'])
    expect(raise?.action === undefined).toBe(isQuiet)
  })

  it('about yesterday is kept, but neither acts nor is told to anybody', () => {
    const finding = aFinding({ rule: 'exfiltration', at: NOW - 25 * HOUR })
    const raise = planRaise(finding, circumstances())
    expect(raise).toMatchObject({ key: finding.key, targets: [] })
    expect(raise).not.toHaveProperty('action')
  })

  it('about last month is dropped', () => {
    expect(planRaise(aFinding({ at: NOW - 31 * 24 * HOUR }), circumstances())).toBeUndefined()
  })

  it('keeps a reason of bounded length', () => {
    const raise = planRaise(aFinding({ reason: 'x'.repeat(9000) }), circumstances())
    expect(raise?.draft.reason).toBe(`${'x'.repeat(500)}[+8500]`)
  })
})
