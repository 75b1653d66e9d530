/** A blast radius in which everything that somebody else may have named attacks its reader. */

import type { BlastRadius, CalledOperation, ReportedToken } from '../../sdk/src/client.ts'
import { NOW } from './grants.ts'

export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'--></style></svg><svg onload=alert(1)>",
  '\u001b[2J\u001b]0;owned\u0007',
  '\u202egnp.exe\u2066',
  '{"forged":1}\n{"forged":2}',
  ']]>&lt;b&gt;&#60;`${1}',
  'javascript:alert(1)',
  '\u2028\u2029\u0000\u009b31m',
  `long-${'A'.repeat(2000)}`,
] as const

/** With such a text in the place of every name, path and reason. */
export function aHostileReport(text: string): BlastRadius {
  const coverage = { since: NOW - 1000, until: NOW, isComplete: false, gaps: [text] }
  return {
    subject: { kind: 'agent', name: text },
    ...{ at: NOW, coverage, worstRisk: 'money' },
    agents: [
      {
        name: text,
        owner: text,
        isDisabled: false,
        relation: 'subject',
        ...{ tokens: 1, ended: 1 },
        scopes: [text],
      },
      { name: `${text}2`, isDisabled: true, relation: 'shares', tokens: 0, ended: 0, scopes: [] },
    ],
    tokens: { items: [aHostileToken(text)], total: 1 },
    ancestors: [aHostileToken(text)],
    descendants: { items: [aHostileToken(text)], total: 1 },
    ended: { items: [{ ...aHostileToken(text), status: 'revoked', revokedAt: NOW }], total: 1 },
    scopes: [
      {
        ...{ scope: text, service: text, title: text, risk: 'money', credential: text, tokens: 1 },
        ...{ ended: 1, calls: 1, lastAt: NOW, operations: 2, unused: { items: [text], total: 1 } },
      },
    ],
    credentials: [
      {
        ...{ name: text, reference: `file:/${text}`, version: 1, sealedBy: text, storedAt: NOW },
        ...{ usedVersion: text, services: [text], scopes: [text], isCut: true },
        holders: [{ agent: `${text}2`, tokens: 1 }],
      },
    ],
    called: { items: [aHostileCall(text)], total: 1 },
    refused: {
      items: [{ ...aHostileCall(text), reason: text, count: 1 }],
      total: 1,
    },
    containment: [{ command: `apistronghold agent disable ${text}`, effect: text }],
  }
}

function aHostileToken(text: string): ReportedToken {
  return {
    ...{ id: text, agent: text, status: 'live', issuedBy: text, issuedAt: NOW, expiresAt: NOW + 1 },
    ...{ lastUsedAt: NOW, lastSource: text, scopes: [text], worstRisk: 'money', limits: {} },
    ...{ bindings: { cidr: [text], dpop: text, boundAddress: text, firstUse: true } },
    ...{ chain: [text], calls: 1 },
  }
}

function aHostileCall(text: string): CalledOperation {
  return {
    ...{ agent: text, service: text, operation: text, scopes: [text], risk: 'money' },
    ...{ firstAt: NOW, lastAt: NOW, lastSource: text, calls: 1, failed: 0, refused: 0 },
    ...{
      requestBytes: 1,
      responseBytes: 1,
      inputTokens: 0,
      outputTokens: 0,
      amounts: { [text]: 1 },
    },
  }
}
