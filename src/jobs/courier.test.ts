import { expect, it, onTestFinished, vi } from 'vitest'
import { aRaise, raiseIn } from '../../test/support/alerts.ts'
import { createMemoryAlertStores, type AlertStores } from '../../test/support/alert-stores.ts'
import { NOW } from '../../test/support/grants.ts'
import type { LogFields } from '../base/log.ts'
import { err, ok } from '../base/result.ts'
import type { AlertNotice, AlertTarget, Delivered } from '../insight/alert-target.ts'
import { createCourier } from './courier.ts'

type Answer = (notice: AlertNotice, signal: AbortSignal) => Promise<Delivered> | Delivered

/** A target that notes what it got and answers as told. */
function aTarget(name: string, answer: Answer = () => ok(undefined)) {
  const got: AlertNotice[] = []
  const target: AlertTarget = {
    name,
    wants: { minScore: 0 },
    async deliver(notice, signal) {
      got.push(notice)
      return await answer(notice, signal)
    },
  }
  return { ...target, got }
}

/** The targets of a test may be exchanged while it runs. */
function aCourier(
  targets: readonly AlertTarget[],
  stores: AlertStores = createMemoryAlertStores(),
) {
  const clock = { now: NOW }
  const current = { targets }
  const lines: string[] = []
  const write = (event: string, fields?: LogFields) =>
    void lines.push(`${event} ${JSON.stringify(fields ?? {})}`)
  const courier = createCourier({
    ...{ alerts: stores.alerts, outbox: stores.outbox, environment: 'production' },
    targets: () => current.targets,
    log: { debug: write, info: write, warn: write, error: write },
    now: () => clock.now,
    retryDelayMs: () => 5,
  })
  onTestFinished(() => courier.close())
  const raise = (...names: string[]) =>
    raiseIn(stores.alerts, aRaise({ targets: names, draft: { agent: `agent-${++agents}` } }))
  return { courier, stores, clock, current, lines, raise }
}

let agents = 0

it('brings each alert to each of its targets once', async () => {
  const [hook, chat] = [aTarget('hook'), aTarget('chat')]
  const { courier, stores, raise } = aCourier([hook, chat])
  const first = await raise('hook', 'chat')
  await raise('hook')
  courier.wake()
  courier.wake()
  await vi.waitFor(() => {
    expect([hook.got.length, chat.got.length]).toEqual([2, 1])
  })
  expect(chat.got[0]).toMatchObject({
    id: expect.stringMatching(/^msg_/) as string,
    alert: { id: first!.alert.id },
    environment: 'production',
    isTest: false,
  })
  await courier.close()
  expect(await stores.outbox.nextDueAt('hook')).toBeUndefined()
})

it('tries again under the same id until it arrives', async () => {
  let failures = 3
  const hook = aTarget('hook', () =>
    failures-- > 0 ? err({ problem: 'it answered 503' }) : ok(undefined),
  )
  const { courier, clock, lines, raise } = aCourier([hook])
  await raise('hook')
  courier.wake()
  await vi.waitFor(() => {
    clock.now += 10
    expect(hook.got).toHaveLength(4)
  })
  expect(new Set(hook.got.map(({ id }) => id)).size).toBe(1)
  await vi.waitFor(() => {
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'alert_not_delivered',
      'alert_not_delivered',
      'alert_not_delivered',
      'alert_delivered',
    ])
  })
  expect(lines[0]).toContain('"attempts":1,"retryInSeconds":1')
})

it('waits as long as it was asked to', async () => {
  const hook = aTarget('hook', () => err({ problem: 'it answered 429', retryAfterSeconds: 3600 }))
  const { courier, stores, raise } = aCourier([hook])
  await raise('hook')
  courier.wake()
  await vi.waitFor(async () => {
    expect(await stores.outbox.nextDueAt('hook')).toBe(NOW + 3_600_000)
  })
  courier.wake()
  await courier.close()
  expect(hook.got).toHaveLength(1)
})

it('gives up where there is no point', async () => {
  const hook = aTarget('hook', () => err({ problem: 'it answered 410', isFinal: true }))
  const { courier, stores, lines, raise } = aCourier([hook])
  await raise('hook')
  courier.wake()
  await vi.waitFor(() => {
    expect(lines.join()).toContain('alert_delivery_given_up')
  })
  expect(await stores.outbox.nextDueAt('hook')).toBeUndefined()
})

it('does not let a target that hangs hold up another, nor the stop', async () => {
  const hanging = aTarget(
    'hanging',
    (_notice, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve(err({ problem: 'the connection failed: given up' }))
        })
      }),
  )
  const hook = aTarget('hook')
  const { courier, stores, raise } = aCourier([hanging, hook])
  await raise('hanging', 'hook')
  courier.wake()
  await raise('hanging', 'hook')
  courier.wake()
  await vi.waitFor(() => {
    expect(hook.got).toHaveLength(2)
  })
  expect(hanging.got).toHaveLength(1)
  await courier.close()
  expect(await stores.outbox.due('hanging', NOW, 10)).toMatchObject([
    { attempts: 0 },
    { attempts: 0 },
  ])
})

it('goes on after a restart where the former process was', async () => {
  const stores = createMemoryAlertStores()
  const down = aTarget('hook', () => err({ problem: 'it answered 500' }))
  const before = aCourier([down], stores)
  await before.raise('hook')
  before.courier.wake()
  await vi.waitFor(async () => {
    expect(await stores.outbox.nextDueAt('hook')).toBe(NOW + 5)
  })
  await before.courier.close()
  const hook = aTarget('hook')
  const after = aCourier([hook], stores)
  after.clock.now = NOW + 5
  after.courier.wake()
  await vi.waitFor(() => {
    expect(hook.got).toHaveLength(1)
  })
  expect(hook.got[0]?.id).toBe(down.got[0]?.id)
})

it('drops what waits for a target that the configuration no longer names', async () => {
  const hook = aTarget('hook', () => err({ problem: 'it answered 500' }))
  const { courier, stores, current, lines, raise } = aCourier([hook])
  await raise('hook')
  current.targets = []
  courier.wake()
  await vi.waitFor(() => {
    expect(lines).toEqual(['alert_targets_gone {"dropped":1}'])
  })
  expect(await stores.outbox.nextDueAt('hook')).toBeUndefined()
})

it('survives a database that cannot be asked', async () => {
  const hook = aTarget('hook')
  const stores = createMemoryAlertStores()
  const broken = {
    ...stores,
    outbox: { ...stores.outbox, due: () => Promise.reject(new Error('disk')) },
  }
  const { courier, lines } = aCourier([hook], broken)
  courier.wake()
  await vi.waitFor(() => {
    expect(lines).toEqual(['alert_lane_failed {"target":"hook","kind":"unexpected"}'])
  })
})

it('tests every target past the queues, and says what became of it', async () => {
  const hook = aTarget('hook')
  const down = aTarget('down', () => err({ problem: 'it answered 500' }))
  const { courier } = aCourier([hook, down])
  expect(await courier.test()).toEqual([
    { target: 'hook' },
    { target: 'down', problem: 'it answered 500' },
  ])
  expect(hook.got[0]).toMatchObject({ isTest: true, alert: { rule: 'test' } })
})
