/** Records as OCSF events, class 6003 API Activity; docs/audit.md has the mapping as a table. */

import type { AuditRecord } from '../../sdk/src/client.ts'
import { VERSION } from '../config/version.ts'
import { listOf, objectOf, textOf, timeOf, visibleJson } from './audit-record.ts'
import { compact } from './session.ts'

/** Of the schema whose fields are used here. */
const OCSF_VERSION = '1.9.0'
const API_ACTIVITY = 6003

type Event = Readonly<Record<string, unknown>>

export function formatOcsf(record: AuditRecord): string {
  return visibleJson(eventOf(record))
}

function eventOf(record: AuditRecord): Event {
  const activityId = activityOf(record)
  return {
    ...{ activity_id: activityId, category_uid: 6, class_uid: API_ACTIVITY },
    type_uid: API_ACTIVITY * 100 + activityId,
    time: timeOf(record),
    ...severityOf(record),
    ...statusOf(record),
    metadata: {
      version: OCSF_VERSION,
      uid: `${textOf(record.writer)}:${textOf(record.seq)}`,
      product: { name: 'apistronghold', vendor_name: 'apistronghold', version: VERSION },
      original_time: textOf(record.time),
      ...optional('correlation_uid', record.requestId),
    },
    actor: actorOf(record),
    api: apiOf(record),
    src_endpoint: sourceOf(record),
    ...requestOf(record),
    ...resourcesOf(record),
    ...(typeof record.count === 'number' && { count: record.count }),
    unmapped: unmappedOf(record),
  }
}

const ACTIVITIES: Readonly<Record<string, number>> = {
  POST: 1,
  GET: 2,
  HEAD: 2,
  OPTIONS: 2,
  PUT: 3,
  PATCH: 3,
  DELETE: 4,
}

/** 1 create, 2 read, 3 update, 4 delete, 99 other. */
function activityOf({ kind, method, action }: AuditRecord): number {
  if (kind !== 'change') return ACTIVITIES[textOf(method)] ?? 99
  const verb = textOf(action).split('.').at(-1) ?? ''
  if (/^(issue|add|set|raise|start)$/.test(verb)) return 1
  if (/^(query|export|tail|count|list)$/.test(verb) || textOf(action).startsWith('report.'))
    return 2
  if (/^(revoke|remove|delete)$/.test(verb)) return 4
  return 3
}

/** Informational, but for what was refused (low) and for what carries a mark (medium). */
function severityOf(record: AuditRecord): Event {
  if (listOf(record.marks).length > 0) return { severity_id: 3, severity: 'Medium' }
  if (record.decision === 'deny') return { severity_id: 2, severity: 'Low' }
  return { severity_id: 1, severity: 'Informational' }
}

/** 1 success, 2 failure, 0 unknown: while it runs, and where its end was lost. */
function statusOf({ kind, decision, reason, result, outcome }: AuditRecord): Event {
  if (decision === 'deny') return { status_id: 2, status: 'Failure', status_detail: textOf(reason) }
  if (kind === 'change') return outcomeOf(result === 'done', textOf(result))
  const { status, result: ending, cause } = objectOf(outcome)
  if (typeof status === 'number') return { ...outcomeOf(status < 400), status_code: String(status) }
  if (ending === undefined || ending === 'unknown') return { status_id: 0, status: 'Unknown' }
  return outcomeOf(false, textOf(cause) || textOf(ending))
}

function outcomeOf(isSuccess: boolean, detail?: string): Event {
  const outcome = isSuccess
    ? { status_id: 1, status: 'Success' }
    : { status_id: 2, status: 'Failure' }
  return detail === undefined ? outcome : { ...outcome, status_detail: detail }
}

/** Agents are services (type 4), operators are people or `system` (types 1 and 3). */
function actorOf({ agent, tokenId, sessionId, operator, issuedBy }: AuditRecord): Event {
  if (operator !== undefined)
    return { user: { name: textOf(operator), type_id: operator === 'system' ? 3 : 1 } }
  // Before a token is recognised, and where the log speaks of itself, there is nobody to name.
  if (agent === undefined) return { user: { name: 'unknown', type_id: 0 } }
  return {
    user: { ...optional('name', agent), ...optional('uid', tokenId), type_id: 4 },
    ...(textOf(sessionId) !== '' && {
      session: { uid: textOf(sessionId), ...optional('issuer', issuedBy) },
    }),
  }
}

function apiOf({ kind, action, rule, method, service, requestId, outcome }: AuditRecord): Event {
  const { status } = objectOf(outcome)
  const name = kind === 'change' ? 'apistronghold' : textOf(service)
  return {
    operation: textOf(action) || textOf(rule) || textOf(method) || textOf(kind),
    ...(name !== '' && { service: { name } }),
    ...(textOf(requestId) !== '' && { request: { uid: textOf(requestId) } }),
    ...(typeof status === 'number' && { response: { code: status } }),
  }
}

function sourceOf({ source, sample, network }: AuditRecord): Event {
  const address = textOf(source) || textOf(objectOf(sample).source)
  // `local` is the process itself.
  if (/^[\d.]+$|:/.test(address)) return { ip: address }
  return { name: address || textOf(network) || 'unknown' }
}

function requestOf({ method, host, path, userAgent, outcome }: AuditRecord): Event {
  const { status, responseBytes, requestBytes, durationsMs } = objectOf(outcome)
  const { total } = objectOf(durationsMs)
  const url = { ...optional('hostname', host), ...optional('path', path) }
  return compact({
    http_request:
      textOf(method) === ''
        ? undefined
        : {
            ...{ http_method: textOf(method), url, ...optional('user_agent', userAgent) },
            ...(typeof requestBytes === 'number' && { body_length: requestBytes }),
          },
    http_response:
      typeof status === 'number'
        ? { code: status, ...(typeof responseBytes === 'number' && { body_length: responseBytes }) }
        : undefined,
    duration: typeof total === 'number' ? Math.round(total) : undefined,
  })
}

function resourcesOf({ kind, target, credential }: AuditRecord): Event {
  if (kind === 'change') return { resources: [{ name: textOf(target), type: 'target' }] }
  const { name, version } = objectOf(credential)
  if (textOf(name) === '') return {}
  return {
    resources: [{ name: textOf(name), type: 'credential', ...optional('version', version) }],
  }
}

/** What OCSF has no place for, under our own names. */
function unmappedOf(record: AuditRecord): Event {
  const { kind, decision, reason, scopes, chain, issuedBy, marks, parameters, details } = record
  const { cause, usage, parameters: streamed } = objectOf(record.outcome)
  const hasStreamed = Object.keys(objectOf(streamed)).length > 0
  const { origin, catalogDigest } = record
  return compact({
    ...{ kind, decision, reason, scopes, chain, issuedBy, marks, parameters, details, cause },
    ...{ usage, origin, catalogDigest, bodyParameters: hasStreamed ? streamed : undefined },
  })
}

function optional(name: string, value: unknown): Event {
  const text = textOf(value)
  return text === '' ? {} : { [name]: text }
}
