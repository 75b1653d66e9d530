/** Builders of findings, raises, mutes and notices for tests. */

import type { Alert, KeyedFinding, Mute } from '../../src/insight/alert.ts'
import type { AlertStore, Raise, Raised } from '../../src/insight/alert-store.ts'
import type { AlertNotice } from '../../src/insight/alert-target.ts'
import { defined } from '../../src/policy/defined.ts'
import { NOW } from './grants.ts'

export const AGENT = 'order-processing-agent'
export const TOKEN_ID = 'tok_8kQzR2vN0pXw4TfYb1Ls'
const REQUEST_ID = 'req_7c9e6679f3b24d0fa1b2c3d4e5f60701'

let keys = 0

/** A fresh key each time, as the findings of different records have. */
export function aFinding(overrides: Partial<KeyedFinding> = {}): KeyedFinding {
  keys += 1
  return {
    key: `finding-${keys}`,
    rule: 'refusal_burst',
    at: NOW,
    agent: AGENT,
    tokenId: TOKEN_ID,
    requestId: REQUEST_ID,
    score: 0.7,
    reason: '41 refusals in 60 s; 2 an hour are usual',
    ...overrides,
  }
}

type RaiseOverrides = Partial<Omit<Raise, 'draft' | 'targets'>> & {
  readonly draft?: Partial<Raise['draft']>
  /** A mere name wants everything. */
  readonly targets?: readonly (string | Raise['targets'][number])[]
}

export function aRaise({ draft, targets = [], ...overrides }: RaiseOverrides = {}): Raise {
  const { key, rule, agent, tokenId, requestId, score, reason, at } = aFinding()
  const usual = { rule, agent: agent!, tokenId: tokenId!, requestId: requestId! }
  return {
    key,
    draft: { ...usual, score, reason, firstAt: at, ...draft },
    windowMs: 3_600_000,
    targets: targets.map((it) => (typeof it === 'string' ? { name: it, minScore: 0 } : it)),
    now: NOW,
    ...overrides,
  }
}

/** One by itself. */
export async function raiseIn(
  alerts: Pick<AlertStore, 'raise'>,
  raise: Raise,
): Promise<Raised | undefined> {
  const [raised] = await alerts.raise([raise])
  return raised
}

type MuteOverrides = { readonly [K in keyof Mute]?: Mute[K] | undefined }

/** Of the agent, unless `agent` is given as undefined. */
export function aMute(overrides: MuteOverrides = {}): Mute {
  keys += 1
  const usual = {
    id: `mut_${String(keys).padStart(20, '0')}`,
    agent: AGENT,
    until: NOW + 3_600_000,
    reason: 'load test',
    createdBy: 'alice',
    createdAt: NOW,
  }
  return defined({ ...usual, ...overrides }) as Mute // the rest is always there
}

export function anAlert(overrides: Partial<Alert> = {}): Alert {
  return {
    id: 'alt_8kQzR2vN0pXw4TfYb1Ls',
    rule: 'refusal_burst',
    agent: AGENT,
    tokenId: TOKEN_ID,
    requestId: REQUEST_ID,
    score: 0.7,
    reason: '41 refusals in 60 s; 2 an hour are usual',
    firstAt: NOW,
    lastAt: NOW + 60_000,
    count: 3,
    status: 'open',
    actions: [],
    ...overrides,
  }
}

export function aNotice(overrides: Partial<AlertNotice> = {}): AlertNotice {
  return {
    id: 'msg_8kQzR2vN0pXw4TfYb1Ls',
    alert: anAlert(),
    environment: 'production',
    at: NOW + 61_000,
    isTest: false,
    ...overrides,
  }
}
