/** The pieces of JSON that several reports share. */

import { z } from '@hono/zod-openapi'
import { instant } from '../schemas.ts'

export const risk = z.enum(['read', 'write', 'destructive', 'admin', 'money', 'secrets'])
export const count = () => z.int().nonnegative()
export const texts = () => z.array(z.string()).readonly()

export const coverage = z
  .strictObject({
    since: instant(),
    until: instant(),
    historyFrom: instant().optional(),
    indexedTo: instant().optional(),
    isComplete: z.boolean(),
    gaps: texts().openapi({ description: 'What is missing, one sentence each.' }),
  })
  .openapi('ReportCoverage')

export const sums = {
  calls: count(),
  failed: count(),
  refused: count(),
  requestBytes: count(),
  responseBytes: count(),
  inputTokens: count(),
  outputTokens: count(),
  amounts: z
    .record(z.string(), z.number())
    .openapi({ description: 'Minor units by currency code.', example: { eur: 1999 } }),
}

/** The first thousand, and how many there are. */
export function listed<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item).readonly(), total: count() })
}

const tokenFields = {
  id: z.string(),
  agent: z.string(),
  status: z.enum(['live', 'expired', 'revoked']),
  issuedBy: z.string(),
  issuedAt: instant(),
  expiresAt: instant(),
  revokedAt: instant().optional(),
  lastUsedAt: instant().optional(),
  lastSource: z.string().optional(),
  scopes: texts(),
  worstRisk: risk,
  bindings: z.strictObject({
    cidr: texts().optional(),
    dpop: z.string().optional(),
    firstUse: z.boolean().optional(),
    boundAddress: z.string().optional(),
  }),
  limits: z.strictObject({
    maxRequests: z.number().optional(),
    ratePerSecond: z.number().optional(),
  }),
  chain: texts(),
  calls: count(),
}

export const reportedToken = z.strictObject(tokenFields).openapi('ReportedToken')

export const staleToken = z
  .strictObject({
    ...tokenFields,
    findings: z.array(z.enum(['unused', 'never_used', 'only_refused', 'long_lived'])).readonly(),
    command: z.string(),
  })
  .openapi('StaleToken')
