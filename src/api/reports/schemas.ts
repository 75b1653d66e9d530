/** What the reports answer. */

import { z } from '@hono/zod-openapi'
import { USAGE_KEYS } from '../../insight/usage.ts'
import { instant } from '../schemas.ts'
import {
  count,
  coverage,
  listed,
  reportedToken,
  risk,
  staleToken,
  sums,
  texts,
} from './schema-parts.ts'

const called = z.strictObject({
  agent: z.string(),
  service: z.string(),
  operation: z.string(),
  scopes: texts(),
  risk,
  firstAt: instant(),
  lastAt: instant(),
  lastSource: z.string(),
  ...sums,
})

const refused = z.strictObject({
  agent: z.string(),
  service: z.string(),
  operation: z.string(),
  scopes: texts(),
  reason: z.string(),
  count: count(),
  lastAt: instant(),
  lastSource: z.string(),
})

const reportedAgent = z.strictObject({
  name: z.string(),
  owner: z.string().optional(),
  isDisabled: z.boolean(),
  relation: z.enum(['subject', 'holder', 'below', 'above', 'shares']),
  tokens: count(),
  ended: count(),
  scopes: texts(),
})

const reportedScope = z.strictObject({
  scope: z.string(),
  service: z.string(),
  title: z.string(),
  risk,
  credential: z.string().optional(),
  tokens: count(),
  ended: count(),
  calls: count(),
  lastAt: instant().optional(),
  operations: count(),
  unused: listed(z.string()),
})

const reportedCredential = z.strictObject({
  name: z.string(),
  reference: z.string().optional(),
  version: z.int().optional(),
  sealedBy: z.string().optional(),
  storedAt: instant().optional(),
  usedVersion: z.string().optional(),
  services: texts(),
  scopes: texts(),
  holders: z.array(z.strictObject({ agent: z.string(), tokens: count() })).readonly(),
  isCut: z.boolean(),
})

export const blastRadiusAnswer = z
  .strictObject({
    subject: z.strictObject({ kind: z.enum(['agent', 'token', 'credential']), name: z.string() }),
    at: instant(),
    coverage,
    worstRisk: risk.optional(),
    agents: z.array(reportedAgent).readonly(),
    tokens: listed(reportedToken),
    ancestors: z.array(reportedToken).readonly(),
    descendants: listed(reportedToken),
    ended: listed(reportedToken),
    scopes: z.array(reportedScope).readonly(),
    credentials: z.array(reportedCredential).readonly(),
    called: listed(called),
    refused: listed(refused),
    containment: z
      .array(z.strictObject({ command: z.string().optional(), effect: z.string() }))
      .readonly()
      .openapi({ description: 'What to do, the most effective first.' }),
  })
  .openapi('BlastRadius')

export const usageAnswer = z
  .strictObject({
    coverage,
    by: z.array(z.enum(USAGE_KEYS)).readonly(),
    rows: listed(z.strictObject({ keys: texts(), lastAt: instant(), ...sums })),
    total: z.strictObject(sums),
  })
  .openapi('UsageReport')

const staleAgent = z.strictObject({
  name: z.string(),
  owner: z.string().optional(),
  liveTokens: count(),
  createdAt: instant(),
  lastUsedAt: instant().optional(),
  findings: z.array(z.enum(['unused', 'never_used', 'ownerless'])).readonly(),
  command: z.string().optional(),
})

export const staleAnswer = z
  .strictObject({
    at: instant(),
    coverage,
    unusedMs: count(),
    longLivedMs: count(),
    liveTokens: count(),
    tokens: listed(staleToken),
    agents: listed(staleAgent),
  })
  .openapi('StaleReport')

const neededScope = z.strictObject({
  scope: z.string(),
  risk,
  title: z.string(),
  calls: count(),
  isForOthers: z.boolean(),
})

const replay = z.strictObject({
  requests: count(),
  refused: count(),
  refusals: z
    .array(
      z.strictObject({
        service: z.string(),
        operation: z.string(),
        reason: z.string(),
        count: count(),
      }),
    )
    .readonly(),
  unknown: count(),
})

export const tightenAnswer = z
  .strictObject({
    agent: z.string(),
    at: instant(),
    coverage,
    liveTokens: count(),
    needed: z.array(neededScope).readonly(),
    spare: z
      .array(z.strictObject({ scope: z.string(), risk, title: z.string(), tokens: count() }))
      .readonly(),
    replay,
    surplus: listed(z.strictObject({ scope: z.string(), risk, operation: z.string() })),
    suggestion: z.strictObject({
      ttl: z.string().optional(),
      bind: texts().optional(),
      rate: z.string().optional(),
      dpop: z.string().optional(),
      firstUse: z.boolean().optional(),
      maxRequests: z.int().optional(),
      grounds: texts(),
    }),
    commands: texts(),
  })
  .openapi('TightenReport')
