/**
 * A company's agents, their tokens and what they did, behind a control plane in memory: what
 * reports are tested on, and what the examples in docs/reports.md are made from.
 */

import { loadCatalog } from '../../src/catalog-files.ts'
import type { Result } from '../../src/base/result.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { parseTarget } from '../../src/catalog/target.ts'
import type { OutcomeEvent } from '../../src/audit/audit-log.ts'
import type { Access } from '../../src/policy/access.ts'
import type { Grant } from '../../src/policy/grant.ts'
import { servicesOf } from '../../src/policy/scopes.ts'
import { createTestApi, type TestApi } from './api.ts'
import { anIntent, anOutcome, aRefusal, aRequestId } from './audit.ts'
import { aGrant, anAccess, NOW } from './grants.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

export const ORCHESTRATOR = 'tok_0rchestratorAAAAAAAA'
export const WORKER = 'tok_refundWorkerBBBBBBBB'
export const ORDERS = 'tok_orderAgentCCCCCCCCCC'
export const OLD = 'tok_oldOrderTokenDDDDDDD'
export const SUPPORT = 'tok_supportBotEEEEEEEEEE'
export const EXPORT = 'tok_nightlyExportFFFFFFF'

export interface Scenario {
  readonly api: TestApi
  readonly catalog: Catalog
  /** Stores a grant, its agent and owner included. */
  grant(
    overrides: Partial<Grant> & { readonly scope: string; readonly owner?: string },
  ): Promise<Grant>
  /** A request of a token, let in and answered, as the catalogue judges it. */
  call(grant: Grant, line: string, more?: Happening): Promise<void>
  /** A request that was refused for a scope that the token does not hold. */
  refuse(grant: Grant, line: string, more?: Happening): Promise<void>
}

const REFERENCES = new Map([
  ['stripe', 'vault:stripe'],
  ['github', 'vault:github'],
  ['slack', 'vault:slack'],
  ['openai', 'env:OPENAI_API_KEY'],
])

interface Happening {
  readonly agoMs?: number
  readonly times?: number
  readonly source?: string
  readonly outcome?: Partial<OutcomeEvent>
}

/** Nobody has done anything yet. */
export async function openScenario(): Promise<Scenario> {
  const catalog = await loadCatalog({ configDirectory: undefined, settings: new Map() })
  const api = await createTestApi({
    catalog: () => catalog,
    isCredentialConfigured: async () => true,
    credentialReference: (name) => REFERENCES.get(name),
  })
  let requests = 0

  async function grant({
    scope,
    owner,
    ...overrides
  }: Partial<Grant> & { readonly scope: string; readonly owner?: string }): Promise<Grant> {
    const scopes = new Set(scope.split(','))
    const made = aGrant({ scopes, services: servicesOf(scopes), ...overrides })
    const { generation } = await api.stores.agents.ensure(made.agent, owner, made.issuedAt)
    const kept = { ...made, agentGeneration: generation }
    if (!(await api.stores.grants.insert(kept, `digest of ${made.id}`)))
      throw new Error(`${made.id} was not stored`)
    return kept
  }

  /** What the road would have made of it. */
  function accessOf(line: string, { agoMs = HOUR, source = '10.1.2.3' }: Happening): Access {
    requests += 1
    const [id = '', method = '', path = ''] = line.split(' ')
    const service = catalog.services.get(id)!
    const host = service.hosts.find(({ role }) => role === 'api')!.name
    const target = must(parseTarget(path, { allowEncodedSlash: false }))
    const { rule, baseScopes } = must(catalog.match(service, { method, host, target }))
    const [short = ''] = baseScopes.map((scope) => scope.slice(scope.indexOf(':') + 1))
    const credential = service.credentialSplits.get(short) ?? service.credential
    return anAccess({
      ...{ service: id, host, method, path, rule, scopes: baseScopes, credential, source },
      requestId: aRequestId(requests),
      receivedAt: NOW - agoMs + requests,
      origin: `https://${host}`,
    })
  }

  return {
    api,
    catalog,
    grant,
    async call(caller, line, more = {}) {
      for (let time = 0; time < (more.times ?? 1); time += 1) {
        const access = accessOf(line, more)
        const { credential: name = '', service } = access
        const credential = { name, version: service === 'openai' ? '1f6ab09c' : 'v3' }
        api.clock.now = access.receivedAt
        await api.audit.log.intent(anIntent({ grant: caller, access, credential }))
        api.audit.log.outcome(anOutcome({ requestId: access.requestId, ...more.outcome }))
        await api.stores.grants.touch(new Map([[caller.id, access.receivedAt]]))
        api.clock.now = NOW
      }
    },
    async refuse(caller, line, more = {}) {
      for (let time = 0; time < (more.times ?? 1); time += 1) {
        const access = accessOf(line, more)
        const missing = access.scopes.filter((scope) => !caller.scopes.has(scope))
        api.clock.now = access.receivedAt
        await api.audit.log.refusal(
          aRefusal({
            ...{ grant: caller, access, source: access.source, at: access.receivedAt },
            requestId: access.requestId,
            refusal: { reason: 'scope_missing', missing, risk: 'money' },
          }),
        )
        api.clock.now = NOW
      }
    },
  }
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

/** Six agents, a delegation, shared credentials, dead tokens, and a month of requests. */
export async function playScenario(): Promise<Scenario> {
  const scenario = await openScenario()
  const { api } = scenario
  await sealSecrets(api)
  const orchestrator = await scenario.grant({
    ...{ id: ORCHESTRATOR, agent: 'orchestrator', owner: 'Platform', issuedBy: 'alice' },
    scope: 'stripe:read,stripe:write,stripe:refund,openai:inference',
    ...{ issuedAt: NOW - 20 * HOUR, expiresAt: NOW + 4 * HOUR },
    bindings: { cidr: ['10.0.0.0/8'] },
  })
  const worker = await scenario.grant({
    ...{ id: WORKER, agent: 'refund-worker', issuedBy: 'alice', chain: [ORCHESTRATOR] },
    scope: 'stripe:read,stripe:refund',
    ...{ issuedAt: NOW - 2 * HOUR, expiresAt: NOW + 2 * HOUR },
    bindings: { cidr: ['10.0.0.0/8'] },
    limits: { maxRequests: 500, ratePerSecond: 5 },
  })
  await playOrders(scenario)
  await playOthers(scenario)
  const usage = { inputTokens: 1200, outputTokens: 340 }
  await scenario.call(orchestrator, 'openai POST /v1/chat/completions', {
    ...{ times: 12, agoMs: 3 * HOUR, source: '10.1.2.9' },
    outcome: { usage, requestBytes: 5200, responseBytes: 1800 },
  })
  await scenario.call(worker, 'stripe GET /v1/charges/ch_3MmlLrLkdIwHu7ix0snN0B15', { times: 7 })
  await scenario.call(worker, 'stripe POST /v1/refunds', {
    ...{ times: 4, agoMs: 20 * 60_000, source: '10.1.2.17' },
    outcome: { usage: { amount: 1999, currency: 'eur' } },
  })
  return scenario
}

async function sealSecrets(api: TestApi): Promise<void> {
  for (const [name, version] of [
    ['stripe', 3],
    ['slack', 1],
    ['github', 2],
  ] as const)
    for (let count = 1; count <= version; count += 1)
      await api.stores.sealed.put(
        {
          ...{ name, version: count, envelope: 'sealed', sealedBy: 'alice' },
          storedAt: NOW - (60 - 10 * count) * DAY,
        },
        count - 1,
      )
}

async function playOrders(scenario: Scenario): Promise<void> {
  const scope = 'stripe:read,stripe:write,stripe:delete,stripe:payout,github:read'
  const agent = { agent: 'order-agent', owner: 'Payments', issuedBy: 'alice' }
  const old = await scenario.grant({
    ...{ ...agent, id: OLD, scope },
    ...{ issuedAt: NOW - 40 * DAY, expiresAt: NOW + 50 * DAY },
  })
  const orders = await scenario.grant({
    ...{ ...agent, id: ORDERS, scope, issuedBy: 'ivan' },
    ...{ issuedAt: NOW - 3 * HOUR, expiresAt: NOW + HOUR },
  })
  await scenario.call(old, 'stripe GET /v1/customers', { times: 3, agoMs: 35 * DAY })
  await scenario.call(orders, 'stripe POST /v1/charges', {
    ...{ times: 48, agoMs: 2 * HOUR },
    outcome: { usage: { amount: 2500, currency: 'eur' } },
  })
  await scenario.call(orders, 'stripe POST /v1/charges', {
    ...{ times: 2, agoMs: 90 * 60_000 },
    outcome: { status: 402 },
  })
  await scenario.call(orders, 'stripe GET /v1/customers', { times: 61, agoMs: 2 * HOUR })
  await scenario.call(orders, 'stripe DELETE /v1/customers/cus_NffrFeUfNV2Hib', { agoMs: HOUR })
  await scenario.refuse(orders, 'stripe POST /v1/refunds', { times: 3, agoMs: HOUR })
}

async function playOthers(scenario: Scenario): Promise<void> {
  await scenario.grant({
    ...{ id: SUPPORT, agent: 'support-bot', issuedBy: 'ivan' },
    scope: 'slack:write,openai:inference',
    ...{ issuedAt: NOW - 45 * DAY, expiresAt: NOW + 45 * DAY },
  })
  await scenario.grant({
    ...{ id: EXPORT, agent: 'nightly-export', owner: 'Data', issuedBy: 'alice' },
    ...{ scope: 'stripe:read', issuedAt: NOW - 36 * HOUR, expiresAt: NOW + 12 * HOUR },
  })
  const dead = await scenario.grant({
    ...{ id: 'tok_crawlerIIIIIIIIIIIII', agent: 'crawler', owner: 'Data', scope: 'github:read' },
    ...{ issuedAt: NOW - 5 * DAY, expiresAt: NOW + 5 * DAY },
  })
  await scenario.call(dead, 'github GET /repos/octo/hello/issues', { times: 9, agoMs: 4 * DAY })
  await scenario.api.stores.revocations.revokeAgent('crawler', NOW - 3 * DAY, true)
}
