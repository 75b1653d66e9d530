import { describe, expect, it } from 'vitest'
import { AGENT, aMute, aRaise, TOKEN_ID, raiseIn } from '../support/alerts.ts'
import { NOW } from '../support/grants.ts'
import { STORE_KINDS } from '../support/store-kinds.ts'

const HOUR = 3_600_000
const SUSPEND = { action: 'suspend_token', target: TOKEN_ID } as const

describe.each(STORE_KINDS)('an alert store %s', (_kind, open) => {
  it('raises an alert of what was found', async () => {
    const { alerts } = open()
    const raised = await raiseIn(alerts, aRaise())
    expect(raised).toEqual({
      alert: {
        id: expect.stringMatching(/^alt_[0-9A-Za-z]{20}$/) as string,
        rule: 'refusal_burst',
        agent: AGENT,
        tokenId: TOKEN_ID,
        requestId: 'req_7c9e6679f3b24d0fa1b2c3d4e5f60701',
        score: 0.7,
        reason: '41 refusals in 60 s; 2 an hour are usual',
        firstAt: NOW,
        lastAt: NOW,
        count: 1,
        status: 'open',
        actions: [],
      },
      isNew: true,
      full: [],
    })
    expect(await alerts.find(raised!.alert.id)).toEqual(raised!.alert)
    expect(await alerts.find('alt_nothing')).toBeUndefined()
  })

  it('does nothing about a finding that is told again', async () => {
    const { alerts, outbox } = open()
    const raise = aRaise({ action: SUSPEND, targets: ['hook'] })
    const first = await raiseIn(alerts, raise)
    expect(await raiseIn(alerts, { ...raise, now: NOW + 10 })).toBeUndefined()
    expect(await alerts.find(first!.alert.id)).toEqual(first!.alert)
    expect(await outbox.due('hook', NOW + 10, 10)).toHaveLength(1)
    expect(await alerts.actionsIn('pending', 10)).toHaveLength(1)
  })

  it('takes several in their order, each of them once', async () => {
    const { alerts } = open()
    const [first, second] = [aRaise(), aRaise({ draft: { firstAt: NOW + 1 } })]
    const raised = await alerts.raise([first, first, second])
    expect(raised).toMatchObject([
      { isNew: true },
      undefined,
      { isNew: false, alert: { count: 2 } },
    ])
    expect(await alerts.raise([])).toEqual([])
  })

  it('counts up within the window, and raises anew after it', async () => {
    const { alerts } = open()
    const first = await raiseIn(alerts, aRaise())
    const later = aRaise({ draft: { firstAt: NOW + HOUR - 1, score: 0.9, reason: 'worse' } })
    const second = await raiseIn(alerts, later)
    expect(second).toMatchObject({
      isNew: false,
      alert: { id: first!.alert.id, count: 2, score: 0.9, firstAt: NOW, lastAt: NOW + HOUR - 1 },
    })
    const third = await raiseIn(alerts, aRaise({ draft: { firstAt: NOW + HOUR } }))
    expect(third).toMatchObject({ isNew: true, alert: { count: 1 } })
  })

  it('says of an alert what the surest of its findings says', async () => {
    const { alerts } = open()
    await raiseIn(alerts, aRaise())
    const surer = { score: 0.9, reason: 'worse', tokenId: 'tok_other', requestId: 'req_other' }
    await raiseIn(alerts, aRaise({ draft: { ...surer, firstAt: NOW + 1 } }))
    const last = await raiseIn(alerts, aRaise({ draft: { score: 0.8, reason: 'less' } }))
    expect(last!.alert).toMatchObject({ ...surer, count: 3, firstAt: NOW, lastAt: NOW + 1 })
  })

  it.each([
    ['another rule', { rule: 'two_places' }],
    ['another agent', { agent: 'worker' }],
  ] as const)('keeps %s apart', async (_case, draft) => {
    const { alerts } = open()
    await raiseIn(alerts, aRaise())
    expect(await raiseIn(alerts, aRaise({ draft }))).toMatchObject({ isNew: true })
  })

  it('takes a finding that comes a little late into the alert it belongs to', async () => {
    const { alerts } = open()
    await raiseIn(alerts, aRaise())
    const early = await raiseIn(alerts, aRaise({ draft: { firstAt: NOW - 5 } }))
    expect(early).toMatchObject({ isNew: false, alert: { firstAt: NOW - 5, lastAt: NOW } })
  })

  it('keeps muted alerts apart from others', async () => {
    const { alerts } = open()
    const muted = await raiseIn(alerts, aRaise({ muteId: 'mut_1' }))
    expect(muted).toMatchObject({ isNew: true, alert: { status: 'muted', muteId: 'mut_1' } })
    expect(await raiseIn(alerts, aRaise({ muteId: 'mut_1' }))).toMatchObject({ isNew: false })
    await alerts.acknowledge(muted!.alert.id, 'alice', NOW)
    expect(await raiseIn(alerts, aRaise())).toMatchObject({
      isNew: true,
      alert: { status: 'open' },
    })
  })

  it('acknowledges once, and the first one stays', async () => {
    const { alerts } = open()
    const { alert } = (await raiseIn(alerts, aRaise()))!
    const acknowledged = await alerts.acknowledge(alert.id, 'alice', NOW + 1)
    expect(acknowledged).toMatchObject({
      status: 'acknowledged',
      acknowledgedBy: 'alice',
      acknowledgedAt: NOW + 1,
    })
    expect(await alerts.acknowledge(alert.id, 'bob', NOW + 2)).toEqual(acknowledged)
    expect(await alerts.acknowledge('alt_nothing', 'bob', NOW)).toBeUndefined()
    expect(await raiseIn(alerts, aRaise())).toMatchObject({
      isNew: false,
      alert: { status: 'acknowledged', count: 2 },
    })
  })

  it('lists the newest first, page by page, by what was asked', async () => {
    const { alerts } = open()
    for (const [index, agent] of ['a', 'b', 'c', 'b'].entries())
      await raiseIn(alerts, aRaise({ draft: { agent, firstAt: NOW + index * HOUR } }))
    const first = await alerts.list({}, { limit: 3 })
    expect(first.items.map(({ agent }) => agent)).toEqual(['b', 'c', 'b'])
    const rest = await alerts.list({}, { limit: 3, cursor: first.nextCursor! })
    expect(rest).toEqual({ items: [expect.objectContaining({ agent: 'a' })] })
    const asked = async (query: Parameters<typeof alerts.list>[0]) =>
      (await alerts.list(query, { limit: 10 })).items.length
    expect(await asked({ agent: 'b' })).toBe(2)
    expect(await asked({ agent: 'b', since: NOW + 2 * HOUR })).toBe(1)
    expect(await asked({ rule: 'two_places' })).toBe(0)
    expect(await asked({ status: 'open' })).toBe(4)
    expect(await asked({ status: 'acknowledged' })).toBe(0)
    await expect(alerts.list({}, { limit: 1, cursor: 'x' })).rejects.toMatchObject({
      code: 'usage_invalid',
    })
  })

  it('remembers what the audit was not told of yet', async () => {
    const { alerts } = open()
    const { alert } = (await raiseIn(alerts, aRaise()))!
    await raiseIn(alerts, aRaise({ draft: { agent: 'later', firstAt: NOW + 1 } }))
    expect((await alerts.unrecorded(1)).map(({ id }) => id)).toEqual([alert.id])
    await alerts.markRecorded(alert.id)
    expect((await alerts.unrecorded(10)).map(({ agent }) => agent)).toEqual(['later'])
  })

  it('plans an action once for an alert and its target, and says how it went', async () => {
    const { alerts } = open()
    const raise = () => raiseIn(alerts, aRaise({ action: SUSPEND }))
    await raise()
    await raise()
    await raiseIn(alerts, aRaise({ action: { ...SUSPEND, target: 'tok_other' } }))
    const pending = await alerts.actionsIn('pending', 10)
    expect(pending.map(({ target }) => target)).toEqual([TOKEN_ID, 'tok_other'])
    await alerts.settleAction(pending[0]!, 'begun', NOW + 4)
    expect(await alerts.actionsIn('pending', 10)).toMatchObject([{ target: 'tok_other' }])
    expect(await alerts.actionsIn('begun', 10)).toMatchObject([{ target: TOKEN_ID }])
    expect(await alerts.countActions(NOW)).toBe(1)
    await alerts.settleAction(pending[0]!, 'done', NOW + 5)
    await alerts.settleAction(pending[1]!, 'withheld', NOW + 6)
    expect(await alerts.actionsIn('pending', 10)).toEqual([])
    expect((await alerts.find(pending[0]!.alert.id))?.actions).toEqual([
      { ...SUSPEND, state: 'done', at: NOW + 5 },
      { ...SUSPEND, target: 'tok_other', state: 'withheld', at: NOW + 6 },
    ])
    expect(await alerts.countActions(NOW + 5)).toBe(1)
    expect(await alerts.countActions(NOW + 6)).toBe(0)
    await raise()
    expect(await alerts.actionsIn('pending', 10)).toEqual([])
  })

  it('forgets what is older than asked, with what still waited for it', async () => {
    const { alerts, outbox } = open()
    const raise = aRaise({ targets: ['hook'] })
    const { alert } = (await raiseIn(alerts, raise))!
    await alerts.prune({ alerts: NOW, keys: NOW })
    expect(await raiseIn(alerts, raise)).toBeUndefined()
    await alerts.prune({ alerts: NOW, keys: NOW + 1 })
    expect(await raiseIn(alerts, raise)).toMatchObject({ isNew: false })
    await alerts.prune({ alerts: NOW + 1, keys: NOW + 1 })
    expect(await alerts.find(alert.id)).toBeUndefined()
    expect(await outbox.nextDueAt('hook')).toBeUndefined()
  })
})

describe.each(STORE_KINDS)('an alert outbox %s', (_kind, open) => {
  it('holds one notice for each target of a new alert', async () => {
    const { alerts, outbox } = open()
    const targets = ['hook', 'chat']
    const { alert } = (await raiseIn(alerts, aRaise({ targets })))!
    await raiseIn(alerts, aRaise({ targets }))
    const due = await outbox.due('hook', NOW, 10)
    expect(due).toEqual([
      {
        id: expect.stringMatching(/^msg_[0-9A-Za-z]{20}$/) as string,
        alertId: alert.id,
        queuedAt: NOW,
        attempts: 0,
      },
    ])
    expect(await outbox.due('chat', NOW, 10)).toHaveLength(1)
    expect(await outbox.due('elsewhere', NOW, 10)).toEqual([])
    expect(await outbox.due('hook', NOW - 1, 10)).toEqual([])
  })

  it('postpones, counts attempts and lets go', async () => {
    const { alerts, outbox } = open()
    await raiseIn(alerts, aRaise({ targets: ['hook'] }))
    const [{ id } = { id: '' }] = await outbox.due('hook', NOW, 10)
    await outbox.postpone(id, NOW + 500)
    expect(await outbox.due('hook', NOW + 499, 10)).toEqual([])
    expect(await outbox.nextDueAt('hook')).toBe(NOW + 500)
    expect(await outbox.due('hook', NOW + 500, 10)).toMatchObject([{ id, attempts: 1 }])
    await outbox.remove(id)
    expect(await outbox.nextDueAt('hook')).toBeUndefined()
  })

  it('holds a thousand notices for a target, and says which one is full', async () => {
    const { alerts, outbox } = open()
    const raises = Array.from({ length: 1000 }, (_, index) =>
      aRaise({ draft: { agent: `agent-${index}` }, targets: ['hook'] }),
    )
    await alerts.raise(raises)
    const raised = await raiseIn(alerts, aRaise({ targets: ['hook', 'chat'] }))
    expect(raised?.full).toEqual(['hook'])
    expect(await outbox.due('hook', NOW, 2000)).toHaveLength(1000)
    expect(await outbox.due('chat', NOW, 10)).toHaveLength(1)
  })

  it('holds one for a target that wants surer alerts only, once the alert is as sure', async () => {
    const { alerts, outbox } = open()
    const pager = { name: 'pager', minScore: 0.8 }
    const queued = async () =>
      [await outbox.due('hook', NOW, 10), await outbox.due('pager', NOW, 10)].map(
        ({ length }) => length,
      )
    await raiseIn(alerts, aRaise({ targets: ['hook'] }))
    expect(await queued()).toEqual([1, 0])
    for (const score of [0.8, 0.9])
      await raiseIn(alerts, aRaise({ targets: ['hook', pager], draft: { score } }))
    expect(await queued()).toEqual([1, 1])
  })

  it('drops what waits for targets that are gone', async () => {
    const { alerts, outbox } = open()
    await raiseIn(alerts, aRaise({ targets: ['hook', 'chat'] }))
    expect(await outbox.keepOnly(['chat'])).toBe(1)
    expect(await outbox.nextDueAt('hook')).toBeUndefined()
    expect(await outbox.nextDueAt('chat')).toBe(NOW)
  })
})

describe.each(STORE_KINDS)('a mute store %s', (_kind, open) => {
  it('lists those that hold, the next to end first', async () => {
    const { mutes } = open()
    const [long, short] = [aMute({ until: NOW + 9 }), aMute({ rule: 'two_places', until: NOW + 5 })]
    await mutes.insert(long)
    await mutes.insert(short)
    expect(await mutes.list(NOW)).toEqual([short, long])
    expect(await mutes.list(NOW + 5)).toEqual([long])
    expect(await mutes.find(short.id)).toEqual(short)
  })

  it('removes one once', async () => {
    const { mutes } = open()
    const mute = aMute()
    await mutes.insert(mute)
    expect(await mutes.remove(mute.id)).toBe(true)
    expect(await mutes.remove(mute.id)).toBe(false)
    expect(await mutes.find(mute.id)).toBeUndefined()
  })
})
