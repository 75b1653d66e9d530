import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { AGENT, aFinding, aMute, raiseIn } from '../../test/support/alerts.ts'
import { aGrant, NOW } from '../../test/support/grants.ts'
import { aRequest } from '../../test/support/ordinary-traffic.ts'
import { createMemoryStores } from '../../test/support/stores.ts'
import type { ChangeEvent } from '../audit/audit-log.ts'
import { Failure } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'
import { createGate } from '../fleet/gate.ts'
import { soleGate } from '../fleet/gates.ts'
import type { AlertAction, KeyedFinding } from '../insight/alert.ts'
import { createWatch } from '../insight/anomaly/create-watch.ts'
import type { AnomalyRule } from '../insight/watch.ts'
import type { Grant } from '../policy/grant.ts'
import { createAlertDesk } from './alert-desk.ts'

const HOUR = 3_600_000

async function openDesk(actions: Readonly<Partial<Record<AnomalyRule, AlertAction>>> = {}) {
  const stores = createMemoryStores()
  const gate = createGate()
  const clock = { now: NOW + 1000 }
  const changes: ChangeEvent[] = []
  const state = { isFull: false, wakes: 0, maxActionsPerHour: 10 }
  const create = () => {
    const desk = createAlertDesk({
      alerts: stores.alerts,
      mutes: stores.mutes,
      audit: {
        async change(event) {
          if (state.isFull) throw new Failure('audit_unavailable', 'the disk is full')
          changes.push(event)
        },
      },
      courier: {
        wake() {
          state.wakes++
        },
      },
      actions: { ...stores, gates: soleGate(gate) },
      policy: () => ({
        windowMs: HOUR,
        actions: new Map(Object.entries(actions) as [AnomalyRule, AlertAction][]),
        maxActionsPerHour: state.maxActionsPerHour,
      }),
      targets: () => [{ name: 'hook', wants: { minScore: 0 } }],
      ...{ log: silentLog, now: () => clock.now, troubleMs: 5 },
    })
    onTestFinished(() => desk.close())
    return desk
  }
  const issue = async (overrides: Partial<Grant> = {}) => {
    const { generation } = await stores.agents.ensure(overrides.agent ?? AGENT, undefined, NOW)
    const id = `tok_${String(++issued).padStart(20, '0')}`
    const grant = aGrant({ id, agentGeneration: generation, ...overrides })
    expect(await stores.grants.insert(grant, id)).toBe(true)
    return grant
  }
  const listed = async () => (await stores.alerts.list({}, { limit: 100 })).items
  const queued = () => stores.outbox.due('hook', clock.now, 100)
  const desk = create()
  return { desk, create, stores, gate, clock, changes, state, issue, listed, queued }
}

let issued = 0
type Opened = Awaited<ReturnType<typeof openDesk>>

const exfiltration = (grant: Grant, overrides: Partial<KeyedFinding> = {}) =>
  aFinding({ rule: 'exfiltration', agent: grant.agent, tokenId: grant.id, ...overrides })

describe('a finding', () => {
  let opened: Opened
  beforeEach(async () => {
    opened = await openDesk()
  })

  it('is raised, recorded by the system, and sent', async () => {
    const { desk, changes, listed, queued, state } = opened
    const finding = aFinding()
    await desk.take([finding])
    const [alert] = await listed()
    expect(alert).toMatchObject({ rule: finding.rule, agent: AGENT, count: 1, status: 'open' })
    const { rule, score, reason, requestId } = finding
    expect(changes).toEqual([
      {
        at: NOW + 1000,
        requestId: expect.stringMatching(/^req_/) as string,
        operator: 'system',
        action: 'alert.raise',
        target: AGENT,
        result: 'done',
        details: { id: alert!.id, rule, score, reason, requestId },
        source: 'local',
      },
    ])
    expect(await queued()).toHaveLength(1)
    expect(state.wakes).toBe(1)
  })

  it('that is told again raises, records, does and sends nothing twice', async () => {
    const { desk, changes, listed, queued } = opened
    const finding = aFinding()
    await desk.take([finding, finding])
    await desk.take([finding])
    await opened.create().take([finding])
    expect(await listed()).toMatchObject([{ count: 1 }])
    expect(changes).toHaveLength(1)
    expect(await queued()).toHaveLength(1)
  })

  it('like another within the window counts up, and is sent once', async () => {
    const { desk, changes, listed, queued } = opened
    await desk.take([aFinding(), aFinding({ at: NOW + 10 }), aFinding({ at: NOW + 20 })])
    expect(await listed()).toMatchObject([{ count: 3, lastAt: NOW + 20 }])
    expect(changes).toHaveLength(1)
    expect(await queued()).toHaveLength(1)
    await desk.take([aFinding({ at: NOW + HOUR })])
    expect(await listed()).toHaveLength(2)
    expect(await queued()).toHaveLength(2)
  })

  it('among many others lets everything else have its turn', async () => {
    const { desk, listed } = opened
    const findings = Array.from({ length: 1000 }, (_, index) => aFinding({ at: NOW + index }))
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    await desk.take(findings)
    clearInterval(ticking)
    expect(await listed()).toMatchObject([{ count: 1000 }])
    expect(turns).toBeGreaterThan(2)
  })

  it('without an agent is recorded for the token, or for nobody known', async () => {
    const { desk, changes } = opened
    await desk.take([aFinding({ agent: undefined })])
    await desk.take([aFinding({ agent: undefined, tokenId: undefined, rule: 'dead_token' })])
    expect(changes.map(({ target }) => target)).toEqual(['tok_8kQzR2vN0pXw4TfYb1Ls', 'unknown'])
  })

  it('under a mute is on the record and goes to nobody, until the mute ends', async () => {
    const { desk, stores, clock, changes, listed, queued } = opened
    const mute = aMute({ until: NOW + 10_000 })
    await stores.mutes.insert(mute)
    await desk.take([aFinding()])
    expect(await listed()).toMatchObject([{ status: 'muted', muteId: mute.id }])
    expect(changes).toMatchObject([{ action: 'alert.raise', details: { muteId: mute.id } }])
    expect(await queued()).toEqual([])
    clock.now = NOW + 10_000
    await desk.take([aFinding({ at: NOW + 9999 })])
    expect((await listed()).map(({ status }) => status).toSorted()).toEqual(['muted', 'open'])
    expect(await queued()).toHaveLength(1)
  })

  it('is recorded later when the audit cannot be written, and sent at once', async () => {
    const { desk, changes, state, queued } = opened
    state.isFull = true
    await desk.take([aFinding()])
    expect([changes, await queued()]).toEqual([[], [expect.anything()]])
    state.isFull = false
    await vi.waitFor(() => {
      expect(changes).toMatchObject([{ action: 'alert.raise' }])
    })
  })

  it('is refused when it cannot be kept, so that it is told again', async () => {
    const { desk, stores, listed } = opened
    const finding = aFinding()
    const raise = vi
      .spyOn(stores.alerts, 'raise')
      .mockRejectedValueOnce(new Failure('database_unavailable', 'the database cannot be used'))
    await expect(desk.take([finding])).rejects.toMatchObject({ code: 'database_unavailable' })
    raise.mockRestore()
    await desk.take([finding])
    expect(await listed()).toHaveLength(1)
  })
})

it('a desk that is closed takes nothing, so that it is told to the next one', async () => {
  const { desk, create, listed } = await openDesk()
  await desk.close()
  const finding = aFinding()
  await expect(desk.take([finding])).rejects.toMatchObject({ code: 'database_unavailable' })
  await create().take([finding])
  expect(await listed()).toHaveLength(1)
})

describe('an action by policy', () => {
  it('suspends the token with its descendants, and the record says why', async () => {
    const { desk, issue, gate, changes, listed } = await openDesk({ exfiltration: 'suspend_token' })
    const grant = await issue()
    const [child, other] = [await issue({ chain: [grant.id] }), await issue()]
    const finding = exfiltration(grant)
    await desk.take([finding])
    expect([grant, child, other].map((each) => gate.state(each))).toEqual([
      'suspended',
      'suspended',
      'open',
    ])
    const [alert] = await listed()
    expect(alert?.actions).toMatchObject([{ action: 'suspend_token', state: 'done' }])
    expect(changes.map(({ action }) => action)).toEqual(['alert.raise', 'token.suspend'])
    expect(changes[1]).toMatchObject({
      operator: 'system',
      target: grant.id,
      details: {
        alert: alert!.id,
        rule: 'exfiltration',
        reason: finding.reason,
        requestId: finding.requestId,
        cut: 0,
      },
    })
  })

  it('disables the agent with all of its tokens', async () => {
    const { desk, issue, gate, stores, changes } = await openDesk({ exfiltration: 'disable_agent' })
    const [grant, second] = [await issue(), await issue()]
    await desk.take([exfiltration(grant)])
    expect([grant, second].map((each) => gate.state(each))).not.toContain('open')
    expect(await stores.agents.find(AGENT)).toMatchObject({ disabledAt: NOW + 1000 })
    expect(changes.at(-1)).toMatchObject({ action: 'agent.disable', target: AGENT })
  })

  it('reaches every token of an agent that the watch finds, and people hear of it once', async () => {
    const opened = await openDesk({ exfiltration: 'suspend_token' })
    const { desk, issue, gate, listed, queued } = opened
    const [first, second, third] = [await issue(), await issue(), await issue()]
    const watch = createWatch()
    const leak = async (grant: Grant, mark: string, afterMs: number) => {
      const facts = { agent: grant.agent, tokenId: grant.id, marks: [mark] }
      const records = aRequest({ ...facts, at: NOW + afterMs })
      const found = records.flatMap((record) => watch.observe(record))
      await desk.take(found.map((finding) => ({ ...finding, key: `${grant.id} ${afterMs}` })))
    }
    await leak(first, 'phantom_in_body', 0)
    await leak(second, 'real_credential', 65)
    expect([first, second, third].map((grant) => gate.state(grant))).toEqual([
      'suspended',
      'suspended',
      'open',
    ])
    const [alert, ...more] = await listed()
    expect([alert, more]).toMatchObject([{ count: 2, score: 0.9, tokenId: second.id }, []])
    expect(alert?.actions.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(await queued()).toHaveLength(1)
  })

  it('reaches every token that is found within the same alert', async () => {
    const { desk, issue, gate, listed } = await openDesk({ exfiltration: 'suspend_token' })
    const [first, second] = [await issue(), await issue()]
    await desk.take([exfiltration(first), exfiltration(second)])
    expect([gate.state(first), gate.state(second)]).toEqual(['suspended', 'suspended'])
    expect(await listed()).toMatchObject([{ count: 2, actions: [{}, {}] }])
  })

  it.each([
    ['a token that is unknown', 'suspend_token', {}],
    ['a token that was revoked before', 'suspend_token', { isRevoked: true }],
    ['a token that has expired', 'suspend_token', { expiresAt: NOW }],
    ['a token that was suspended before', 'suspend_token', { isSuspended: true }],
    ['an agent that is unknown', 'disable_agent', {}],
  ] as const)('leaves %s as it is, and counts nothing', async (what, action, overrides) => {
    const { desk, issue, gate, stores, changes, listed } = await openDesk({ exfiltration: action })
    const isUnknown = what.endsWith('unknown')
    const usual = { isRevoked: false, isSuspended: false }
    const { isRevoked, isSuspended, ...fields } = { ...usual, ...overrides }
    const grant = isUnknown ? aGrant() : await issue(fields)
    if (isRevoked) await stores.revocations.revokeGrant(grant.id, NOW)
    if (isSuspended) gate.apply((await stores.revocations.holdGrant(grant.id, NOW))!)
    await desk.take([exfiltration(grant)])
    expect(await listed()).toMatchObject([{ actions: [{ state: 'unneeded' }] }])
    expect(changes.map(({ action: name }) => name)).toEqual(['alert.raise'])
    expect(await stores.alerts.countActions(0)).toBe(0)
  })

  it('does nothing under a mute', async () => {
    const { desk, issue, stores, gate } = await openDesk({ exfiltration: 'suspend_token' })
    const grant = await issue()
    await stores.mutes.insert(aMute())
    await desk.take([exfiltration(grant)])
    expect(gate.state(grant)).toBe('open')
  })

  it('does nothing about what happened long ago', async () => {
    const { desk, issue, gate, queued } = await openDesk({ exfiltration: 'suspend_token' })
    const grant = await issue()
    await desk.take([exfiltration(grant, { at: NOW - 25 * HOUR })])
    expect(gate.state(grant)).toBe('open')
    expect(await queued()).toEqual([])
  })

  it('takes effect though the audit is full, and is recorded once it is not', async () => {
    const opened = await openDesk({ exfiltration: 'suspend_token' })
    const { desk, issue, gate, changes, state, listed } = opened
    const grant = await issue()
    state.isFull = true
    await desk.take([exfiltration(grant)])
    expect(gate.state(grant)).toBe('suspended')
    expect(await listed()).toMatchObject([{ actions: [{ state: 'begun' }] }])
    state.isFull = false
    await vi.waitFor(() => {
      expect(changes.map(({ action }) => action)).toEqual(['alert.raise', 'token.suspend'])
    })
  })

  it('is taken up by the next process when this one dies before it', async () => {
    const opened = await openDesk({ exfiltration: 'suspend_token' })
    const { issue, gate, stores, changes, create } = opened
    const grant = await issue()
    const { key, at, rule, ...facts } = exfiltration(grant)
    const draft = { rule, score: facts.score, reason: facts.reason, firstAt: at, agent: AGENT }
    const action = { action: 'suspend_token', target: grant.id } as const
    await raiseIn(stores.alerts, { key, draft, action, windowMs: HOUR, targets: [], now: NOW })
    await create().resume()
    expect(gate.state(grant)).toBe('suspended')
    expect(changes.map((change) => change.action)).toEqual(['alert.raise', 'token.suspend'])
  })

  it('stops at so many in an hour, and says so to everybody, once', async () => {
    const opened = await openDesk({ exfiltration: 'disable_agent' })
    const { desk, issue, clock, state, stores, listed, queued } = opened
    state.maxActionsPerHour = 2
    const agents = ['a', 'b', 'c', 'd', 'e']
    for (const agent of agents) await desk.take([exfiltration(await issue({ agent }))])
    const isDisabled = async (name: string) =>
      (await stores.agents.find(name))?.disabledAt !== undefined
    expect(await Promise.all(agents.map(isDisabled))).toEqual([true, true, false, false, false])
    const held = (await listed()).filter(({ rule }) => rule === 'actions_withheld')
    expect(held).toMatchObject([{ count: 3, status: 'open', score: 1 }])
    expect(held[0]?.reason).toContain('disable_agent of c')
    expect(await queued()).toHaveLength(6)
    clock.now += HOUR + 1
    await desk.take([exfiltration(await issue({ agent: 'f', expiresAt: clock.now + HOUR }))])
    expect(await isDisabled('f')).toBe(true)
  })
})

it('forgets what is old, and nothing younger', async () => {
  const { desk, clock, listed } = await openDesk()
  await desk.take([aFinding()])
  clock.now = NOW + 400 * 24 * HOUR - 1
  await desk.resume()
  expect(await listed()).toHaveLength(1)
  clock.now = NOW + 400 * 24 * HOUR + 1
  await desk.resume()
  expect(await listed()).toEqual([])
})
