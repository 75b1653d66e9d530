/** Alerts, mutes and the outbox in memory; they pass the same contract tests as SQLite's. */

import { Failure } from '../../src/base/errors.ts'
import { newId } from '../../src/base/ids.ts'
import { subjectOf, type ActionTaken, type Alert, type Mute } from '../../src/insight/alert.ts'
import {
  MAX_QUEUED,
  type AlertOutbox,
  type AlertQuery,
  type AlertStore,
  type MuteStore,
  type QueuedDelivery,
  type Raise,
  type Raised,
} from '../../src/insight/alert-store.ts'
import { defined } from '../../src/policy/defined.ts'

interface KeptAlert {
  alert: Omit<Alert, 'actions'>
  readonly actions: ActionTaken[]
  isRecorded: boolean
}

interface KeptDelivery {
  delivery: QueuedDelivery
  readonly target: string
  nextAt: number
}

interface AlertMemory {
  readonly alerts: Map<string, KeptAlert>
  readonly keys: Map<string, number>
  readonly deliveries: Map<string, KeptDelivery>
}

export interface AlertStores {
  readonly alerts: AlertStore
  readonly mutes: MuteStore
  readonly outbox: AlertOutbox
}

export function createMemoryAlertStores(): AlertStores {
  const memory: AlertMemory = { alerts: new Map(), keys: new Map(), deliveries: new Map() }
  return {
    alerts: createMemoryAlerts(memory),
    mutes: createMemoryMutes(),
    outbox: createMemoryOutbox(memory),
  }
}

const viewOf = ({ alert, actions }: KeptAlert): Alert => ({ ...alert, actions: [...actions] })

function createMemoryAlerts(memory: AlertMemory): AlertStore {
  const { alerts, keys } = memory
  const find = (id: string) => {
    const kept = alerts.get(id)
    return kept && viewOf(kept)
  }
  return {
    raise: async (raises) => raises.map((each) => raise(memory, each)),
    find: async (id) => find(id),
    list: async (query, { limit, cursor }) => {
      const after = cursor === undefined ? undefined : parsePosition(cursor)
      const matching = [...alerts.values()]
        .filter(({ alert }) => matches(alert, query))
        .sort((left, right) => -compare(left.alert, right.alert))
        .filter(({ alert }) => !after || compare(alert, after) < 0)
      const items = matching.slice(0, Math.min(1000, Math.max(1, limit))).map(viewOf)
      const last = items.at(-1)
      const isMore = last !== undefined && matching.length > items.length
      return { items, ...(isMore && { nextCursor: `${last.firstAt}_${last.id}` }) }
    },
    acknowledge: async (id, by, at) => {
      const kept = alerts.get(id)
      if (kept && kept.alert.acknowledgedAt === undefined)
        kept.alert = {
          ...kept.alert,
          status: 'acknowledged',
          acknowledgedBy: by,
          acknowledgedAt: at,
        }
      return find(id)
    },
    unrecorded: async (limit) =>
      [...alerts.values()]
        .filter(({ isRecorded }) => !isRecorded)
        .sort((left, right) => left.alert.firstAt - right.alert.firstAt)
        .slice(0, limit)
        .map(viewOf),
    markRecorded: async (id) => {
      const kept = alerts.get(id)
      if (kept) kept.isRecorded = true
    },
    actionsIn: async (state, limit) =>
      [...alerts.values()]
        .flatMap((kept) => kept.actions.map((taken) => ({ ...taken, alert: viewOf(kept) })))
        .filter((taken) => taken.state === state)
        .sort((left, right) => left.at - right.at)
        .slice(0, limit)
        .map(({ alert, action, target }) => ({ alert, action, target })),
    settleAction: async ({ alert, action, target }, state, at) => {
      const actions = alerts.get(alert.id)?.actions ?? []
      const index = actions.findIndex((it) => it.action === action && it.target === target)
      if (index >= 0) actions[index] = { action, target, state, at }
    },
    countActions: async (since) =>
      [...alerts.values()]
        .flatMap(({ actions }) => actions)
        .filter(({ state, at }) => (state === 'begun' || state === 'done') && at >= since).length,
    prune: async (before) => {
      for (const [key, at] of keys) if (at < before.keys) keys.delete(key)
      for (const [id, { alert }] of alerts) if (alert.lastAt < before.alerts) alerts.delete(id)
      for (const [id, { delivery }] of memory.deliveries)
        if (!alerts.has(delivery.alertId)) memory.deliveries.delete(id)
    },
  }
}

function raise(memory: AlertMemory, raising: Raise): Raised | undefined {
  if (memory.keys.has(raising.key)) return undefined
  memory.keys.set(raising.key, raising.now)
  const known = findInWindow(memory, raising)
  const scoreBefore = known?.alert.score ?? -1
  const kept = known ?? insert(memory, raising)
  if (known) countUp(known, raising)
  planAction(kept, raising)
  const untold = raising.targets.filter(({ minScore }) => minScore > scoreBefore)
  const full = queue(memory, kept.alert.id, { ...raising, targets: untold })
  return { alert: viewOf(kept), isNew: !known, full }
}

function findInWindow({ alerts }: AlertMemory, raise: Raise): KeptAlert | undefined {
  const { draft, windowMs, muteId } = raise
  return [...alerts.values()]
    .filter(
      ({ alert }) =>
        subjectOf(alert) === subjectOf(draft) &&
        (alert.muteId !== undefined) === (muteId !== undefined) &&
        Math.abs(alert.firstAt - draft.firstAt) < windowMs,
    )
    .sort((left, right) => right.alert.firstAt - left.alert.firstAt)[0]
}

function insert({ alerts }: AlertMemory, { draft, muteId }: Raise): KeptAlert {
  const id = newId('alt')
  const alert = defined({
    ...draft,
    id,
    lastAt: draft.firstAt,
    count: 1,
    status: muteId === undefined ? ('open' as const) : ('muted' as const),
    muteId,
  })
  const kept: KeptAlert = { alert, actions: [], isRecorded: false }
  alerts.set(id, kept)
  return kept
}

function countUp(kept: KeptAlert, { draft }: Raise): void {
  const { count, score, firstAt, lastAt } = kept.alert
  const { tokenId, requestId } = draft
  kept.alert = defined({
    ...kept.alert,
    ...(draft.score > score && { ...draft, tokenId, requestId }),
    count: count + 1,
    firstAt: Math.min(firstAt, draft.firstAt),
    lastAt: Math.max(lastAt, draft.firstAt),
  })
}

function planAction({ actions }: KeptAlert, { action: planned, now }: Raise): void {
  if (!planned) return
  const isKnown = actions.some(
    ({ action, target }) => action === planned.action && target === planned.target,
  )
  if (!isKnown) actions.push({ ...planned, state: 'pending', at: now })
}

function queue({ deliveries }: AlertMemory, alertId: string, { targets, now }: Raise): string[] {
  const names = targets.map(({ name }) => name)
  return names.filter((target) => {
    const waiting = [...deliveries.values()].filter((kept) => kept.target === target)
    if (waiting.length >= MAX_QUEUED) return true
    const id = newId('msg')
    const delivery = { id, alertId, queuedAt: now, attempts: 0 }
    deliveries.set(id, { delivery, target, nextAt: now })
    return false
  })
}

function matches(alert: KeptAlert['alert'], { status, rule, agent, since }: AlertQuery): boolean {
  return (
    (status === undefined || alert.status === status) &&
    (rule === undefined || alert.rule === rule) &&
    (agent === undefined || alert.agent === agent) &&
    (since === undefined || alert.lastAt >= since)
  )
}

type Position = Pick<Alert, 'firstAt' | 'id'>

function compare(left: Position, right: Position): number {
  return left.firstAt - right.firstAt || (left.id < right.id ? -1 : Number(left.id > right.id))
}

function parsePosition(cursor: string): Position {
  const { firstAt, id } = /^(?<firstAt>\d{1,16})_(?<id>\w{1,64})$/.exec(cursor)?.groups ?? {}
  if (firstAt === undefined || id === undefined)
    throw new Failure('usage_invalid', 'the cursor is not one of this list')
  return { firstAt: Number(firstAt), id }
}

function createMemoryMutes(): MuteStore {
  const mutes = new Map<string, Mute>()
  return {
    insert: async (mute) => void mutes.set(mute.id, mute),
    find: async (id) => mutes.get(id),
    list: async (now) =>
      [...mutes.values()]
        .filter(({ until }) => until > now)
        .sort((left, right) => left.until - right.until || (left.id < right.id ? -1 : 1)),
    remove: async (id) => mutes.delete(id),
  }
}

function createMemoryOutbox({ deliveries }: AlertMemory): AlertOutbox {
  const waitingFor = (target: string) =>
    [...deliveries.values()]
      .filter((kept) => kept.target === target)
      .sort((left, right) => left.nextAt - right.nextAt)
  return {
    due: async (target, now, limit) =>
      waitingFor(target)
        .filter(({ nextAt }) => nextAt <= now)
        .slice(0, limit)
        .map(({ delivery }) => delivery),
    nextDueAt: async (target) => waitingFor(target)[0]?.nextAt,
    postpone: async (id, nextAt) => {
      const kept = deliveries.get(id)
      if (!kept) return
      kept.delivery = { ...kept.delivery, attempts: kept.delivery.attempts + 1 }
      kept.nextAt = nextAt
    },
    remove: async (id) => void deliveries.delete(id),
    keepOnly: async (targets) => {
      const others = [...deliveries].filter(([, { target }]) => !targets.includes(target))
      for (const [id] of others) deliveries.delete(id)
      return others.length
    },
  }
}
