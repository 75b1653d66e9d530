/** The control plane as typed methods. Throws `ApiError` when it says no, `UnreachableError` when it is silent. */

import { alertsOf } from './alerts.ts'
import type {
  BlastRadius,
  BlastRadiusQuestion,
  StaleQuestion,
  StaleReport,
  TightenQuestion,
  TightenReport,
  UsageQuestion,
  UsageReport,
} from './report-types.ts'
import { createTransport, pathOf, type Transport, type TransportOptions } from './transport.ts'
import type {
  AddedOperator,
  AgentView,
  AuditCheckpoints,
  AuditConsistency,
  AuditCounts,
  AuditFilter,
  AuditGrowth,
  AuditPage,
  AuditStatus,
  CountKey,
  IssuedToken,
  IssueRequest,
  Live,
  OperatorRole,
  OperatorView,
  Page,
  Ready,
  Reloaded,
  ReplicaView,
  RequestFilter,
  RevokeTarget,
  Revoked,
  SecretVersions,
  SecretSource,
  SecretView,
  ServiceDetail,
  ServiceView,
  TokenFilter,
  TokenView,
} from './types.ts'

export { ApiError, type FieldProblem, type Problem, UnreachableError } from './errors.ts'
export type { Fetch, TransportOptions as ClientOptions } from './transport.ts'
export type * from './alert-types.ts'
export type * from './report-types.ts'
export type * from './types.ts'

export type Client = ReturnType<typeof createClient>

/** `key` may be absent for `live` and `ready`; everything else answers 401 without one. */
export function createClient(options: TransportOptions) {
  const call = createTransport(options)
  return {
    tokens: tokensOf(call),
    agents: agentsOf(call),
    operators: operatorsOf(call),
    secrets: secretsOf(call),
    services: servicesOf(call),
    audit: auditOf(call),
    reports: reportsOf(call),
    alerts: alertsOf(call),
    replicas: { list: () => get<Page<ReplicaView>>(call, '/v1/replicas') },
    /** Has the server read its files again; on the record under the name of this key's operator. */
    reload: async () => (await call({ method: 'POST', path: '/v1/reload' })) as Reloaded,
    live: () => get<Live>(call, '/-/live'),
    /** Resolves with `ready: false` too: that is an answer. */
    ready: async () => (await call({ method: 'GET', path: '/-/ready', alsoGood: [503] })) as Ready,
  }
}

/** Every item of a list, page after page: `for await (const token of everyItem(client.tokens.list))`. */
export async function* everyItem<T, F extends { readonly cursor?: string }>(
  list: (filter?: F) => Promise<Page<T>>,
  filter: NoInfer<F>,
): AsyncGenerator<T> {
  for (let cursor = filter.cursor; ;) {
    const page = await list(cursor === undefined ? filter : { ...filter, cursor })
    yield* page.items
    if (page.nextCursor === undefined) return
    cursor = page.nextCursor
  }
}

// The answers' types are the control plane's promise (GET /openapi.json); test/contract holds it to them.
async function get<T>(
  call: Transport,
  path: string,
  query?: Readonly<Record<string, string | number | boolean | undefined>>,
): Promise<T> {
  return (await call({ method: 'GET', path, ...(query ? { query } : {}) })) as T
}

function tokensOf(call: Transport) {
  return {
    issue: async ({ idempotencyKey, ...body }: IssueRequest) =>
      (await call({
        method: 'POST',
        path: '/v1/tokens',
        body,
        headers: { 'idempotency-key': idempotencyKey },
      })) as IssuedToken,
    list: (filter: TokenFilter = {}) => get<Page<TokenView>>(call, '/v1/tokens', { ...filter }),
    find: (id: string) => get<TokenView>(call, pathOf('v1', 'tokens', id)),
    /** Lifts a suspension, on every worker when this answers; a revocation stays. */
    resume: async (id: string, reason: string) =>
      (await call({
        method: 'POST',
        path: pathOf('v1', 'tokens', id, 'resume'),
        body: { reason },
      })) as TokenView,
    revoke: async (target: RevokeTarget) =>
      (await call({ method: 'POST', path: '/v1/tokens/revoke', body: target })) as Revoked,
  }
}

function agentsOf(call: Transport) {
  const change = async (name: string, body: unknown) =>
    (await call({ method: 'PATCH', path: pathOf('v1', 'agents', name), body })) as AgentView
  return {
    list: () => get<Page<AgentView>>(call, '/v1/agents'),
    find: (name: string) => get<AgentView>(call, pathOf('v1', 'agents', name)),
    /** Revokes all of its tokens for good. */
    disable: (name: string) => change(name, { disabled: true }),
    /** Allows new tokens; the old ones stay dead. */
    enable: (name: string) => change(name, { disabled: false }),
    setOwner: (name: string, owner: string) => change(name, { owner }),
  }
}

function operatorsOf(call: Transport) {
  return {
    list: () => get<Page<OperatorView>>(call, '/v1/operators'),
    add: async (operator: { readonly name: string; readonly role: OperatorRole }) =>
      (await call({ method: 'POST', path: '/v1/operators', body: operator })) as AddedOperator,
    remove: async (name: string) => {
      await call({ method: 'DELETE', path: pathOf('v1', 'operators', name) })
    },
  }
}

interface PutOptions {
  /** The version that this one replaces, 0 for none. */
  readonly ifMatch: number
  readonly version?: number
}

function secretsOf(call: Transport) {
  return {
    list: () => get<Page<SecretView>>(call, '/v1/secrets'),
    /** Of all secrets, in each process of the server; never a value. */
    sources: () => get<Page<SecretSource>>(call, '/v1/secret-sources'),
    versions: (name: string) => get<SecretVersions>(call, pathOf('v1', 'secrets', name)),
    /** `version` is what was sealed inside, where it is not `ifMatch` and one. */
    put: async (name: string, envelope: string, { ifMatch, version }: PutOptions) =>
      (await call({
        method: 'PUT',
        path: pathOf('v1', 'secrets', name),
        body: { envelope, version },
        headers: { 'if-match': `"${ifMatch}"` },
      })) as SecretView,
    remove: async (name: string, { ifMatch }: { readonly ifMatch?: number } = {}) => {
      await call({
        method: 'DELETE',
        path: pathOf('v1', 'secrets', name),
        headers: { 'if-match': ifMatch === undefined ? undefined : `"${ifMatch}"` },
      })
    },
  }
}

function auditOf(call: Transport) {
  return {
    query: (filter: AuditFilter = {}) => get<AuditPage>(call, '/v1/audit', { ...filter }),
    counts: (by: readonly CountKey[], filter: RequestFilter = {}) =>
      get<AuditCounts>(call, '/v1/audit/counts', { ...filter, by: by.join(',') }),
    status: () => get<AuditStatus>(call, '/v1/audit/status'),
    /** What a witness keeps; see `onCheckpoint` for what comes with each answer. */
    checkpoints: () => get<AuditCheckpoints>(call, '/v1/audit/checkpoint'),
    /** Hashes in base64, which prove that a writer's log only grew from one checkpoint to another. */
    consistency: (growth: AuditGrowth) =>
      get<AuditConsistency>(call, '/v1/audit/consistency', { ...growth }),
    /** Builds the index anew from the journal; `status` says how far it is. */
    reindex: async () => {
      await call({ method: 'POST', path: '/v1/audit/reindex' })
    },
  }
}

function servicesOf(call: Transport) {
  return {
    list: () => get<Page<ServiceView>>(call, '/v1/services'),
    find: (id: string) => get<ServiceDetail>(call, pathOf('v1', 'services', id)),
  }
}

function reportsOf(call: Transport) {
  const path = (name: string) => pathOf('v1', 'reports', name)
  return {
    blastRadius: (question: BlastRadiusQuestion) =>
      get<BlastRadius>(call, path('blast-radius'), { ...question }),
    usage: (question: UsageQuestion = {}) => get<UsageReport>(call, path('usage'), { ...question }),
    stale: (question: StaleQuestion = {}) => get<StaleReport>(call, path('stale'), { ...question }),
    tighten: (question: TightenQuestion) =>
      get<TightenReport>(call, path('tighten'), { ...question }),
  }
}
