/** Reports. Each reads the audit, so each leaves a record of what was asked, before the answer. */

import { z } from '@hono/zod-openapi'
import { err, ok } from '../../base/result.ts'
import type { Window } from '../../insight/coverage.ts'
import { USAGE_KEYS, usageReport, type UsageKey } from '../../insight/usage.ts'
import { defined } from '../../policy/defined.ts'
import type { ChangeLog } from '../changes.ts'
import { readBlastRadius, type ReportParts } from '../reports/blast-radius.ts'
import { readCoverage, windowOf } from '../reports/coverage.ts'
import { blastRadiusAnswer, staleAnswer, tightenAnswer, usageAnswer } from '../reports/schemas.ts'
import { readStale } from '../reports/stale.ts'
import { findSubject } from '../reports/subject.ts'
import { readTighten } from '../reports/tighten.ts'
import { defineRoute, ROLES, type Caller, type Route } from '../route.ts'
import { agentName, isForward, NOT_FORWARD, queryInstant } from '../schemas.ts'

const DAY_MS = 86_400_000

const windowQuery = { since: queryInstant.optional(), until: queryInstant.optional() }

const span = (fallbackMs: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,14}$/, { error: 'is milliseconds above zero' })
    .transform(Number)
    .default(fallbackMs)
    .openapi({
      type: 'integer',
      minimum: 1,
      description: `Milliseconds; ${fallbackMs} unless given.`,
    })

export function reportRoutes(parts: ReportParts, changes: ChangeLog): readonly Route[] {
  return [
    blastRadiusRoute(parts, changes),
    usageRoute(parts, changes),
    staleRoute(parts, changes),
    tightenRoute(parts, changes),
  ]
}

interface Question {
  readonly report: string
  readonly target: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Who reads what the audit knows stands in the audit. */
function note(changes: ChangeLog, caller: Caller, { report, target, details }: Question) {
  return changes.note(caller, { action: `report.${report}`, target, details }, 'done')
}

function blastRadiusRoute(parts: ReportParts, changes: ChangeLog): Route {
  const query = z
    .strictObject({
      subject: z.string().min(1).max(128).openapi({
        description: 'The name of an agent or a credential, or the id of a token.',
      }),
      kind: z.enum(['agent', 'token', 'credential']).optional().openapi({
        description: 'Needed only where the same name stands for more than one of them.',
      }),
      ...windowQuery,
    })
    .refine(isForward, NOT_FORWARD)
  return defineRoute(
    {
      method: 'get',
      path: '/v1/reports/blast-radius',
      summary: 'What an agent, a token or a credential could do and did, and what ends it',
      roles: ROLES.auditors,
      query,
      status: 200,
      answer: blastRadiusAnswer,
      problems: ['not_found', 'subject_ambiguous'],
    },
    async (call) => {
      const { subject: name, kind } = call.query
      const window = windowOf(call.query, call.at)
      const details = defined({ kind, ...window })
      await note(changes, call, { report: 'blast-radius', target: name, details })
      const subject = await findSubject(parts, name, kind)
      return subject.ok ? ok(await readBlastRadius(parts, subject.value, window)) : subject
    },
  )
}

function usageRoute(parts: ReportParts, changes: ChangeLog): Route {
  const query = z
    .strictObject({
      by: z
        .string()
        .refine((text) => keysOf(text) !== undefined, {
          error: `lists some of ${USAGE_KEYS.join(', ')}, each once`,
        })
        .default('agent,service')
        .openapi({ example: 'agent,service' }),
      agent: agentName.optional(),
      ...windowQuery,
    })
    .refine(isForward, NOT_FORWARD)
  return defineRoute(
    {
      method: 'get',
      path: '/v1/reports/usage',
      summary: 'Requests, bytes, tokens of models and money, the busiest first',
      roles: ROLES.auditors,
      query,
      status: 200,
      answer: usageAnswer,
    },
    async (call) => {
      const { agent, by } = call.query
      const window = windowOf(call.query, call.at)
      const details = defined({ by, agent, ...window })
      await note(changes, call, { report: 'usage', target: 'usage', details })
      const coverage = await readCoverage(parts.auditIndex, window)
      const agents = agent === undefined ? {} : { agents: [agent] }
      const activities = await parts.auditIndex.activity({ ...window, ...agents })
      return ok(usageReport({ coverage, by: keysOf(by) ?? [], activities }))
    },
  )
}

/** Undefined unless every name is one of the keys, and stands once. */
function keysOf(text: string): readonly UsageKey[] | undefined {
  const names = text.split(',')
  const keys = names.flatMap((name) => USAGE_KEYS.find((key) => key === name) ?? [])
  return keys.length === names.length && new Set(keys).size === keys.length ? keys : undefined
}

function staleRoute(parts: ReportParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/reports/stale',
      summary: 'Tokens and agents that are unused, long-lived or without an owner',
      roles: ROLES.auditors,
      query: z.strictObject({ unusedMs: span(30 * DAY_MS), longLivedMs: span(7 * DAY_MS) }),
      status: 200,
      answer: staleAnswer,
    },
    async (call) => {
      const { unusedMs, longLivedMs } = call.query
      const details = { unusedMs, longLivedMs }
      await note(changes, call, { report: 'stale', target: 'stale', details })
      return ok(await readStale(parts, { unusedMs, longLivedMs }))
    },
  )
}

function tightenRoute(parts: ReportParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/reports/tighten',
      summary: 'The smallest scopes that would have allowed what an agent did',
      roles: ROLES.auditors,
      query: z.strictObject({ agent: agentName, ...windowQuery }).refine(isForward, NOT_FORWARD),
      status: 200,
      answer: tightenAnswer,
      problems: ['not_found'],
    },
    async (call) => {
      const { agent } = call.query
      const window: Window = windowOf(call.query, call.at)
      await note(changes, call, { report: 'tighten', target: agent, details: { ...window } })
      if (!(await parts.stores.agents.find(agent)))
        return err({ code: 'not_found', detail: 'There is no agent with this name.' })
      return ok(await readTighten(parts, agent, window))
    },
  )
}
