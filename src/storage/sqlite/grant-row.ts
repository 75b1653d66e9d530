/** A grant as a row and back, and which of its columns the row's MAC covers. */

import { defined } from '../../policy/defined.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { Bindings, Grant, Limits } from '../../policy/grant.ts'
import type { Row } from './database.ts'
import type { MacInput, RowMac } from './row-mac.ts'
import { integerOf, optionalIntegerOf, optionalTextOf, textOf } from './row.ts'

/** Everything that says what the token may do, for whom, until when, and which text it has. */
const COVERED = [
  'id',
  'digest',
  'agent',
  'agent_generation',
  'session_id',
  'scopes',
  'services',
  'chain',
  'issued_by',
  'issued_at',
  'expires_at',
  'bindings',
  'limits',
] as const

type GrantColumns = Readonly<Record<(typeof COVERED)[number] | 'mac', string | number | null>>

const NAMES = [...COVERED, 'mac'] as const

export const INSERT_GRANT = `INSERT INTO grants (${NAMES.join(', ')})
  VALUES (${NAMES.map((name) => `:${name}`).join(', ')})`

/** The columns that a new grant is stored with. */
export function formatGrantRow(grant: Grant, digest: string, mac: RowMac): GrantColumns {
  const covered = {
    id: grant.id,
    digest,
    agent: grant.agent,
    agent_generation: grant.agentGeneration,
    session_id: grant.sessionId ?? null,
    scopes: JSON.stringify([...grant.scopes]),
    services: JSON.stringify(grant.services),
    chain: JSON.stringify(grant.chain),
    issued_by: grant.issuedBy,
    issued_at: grant.issuedAt,
    expires_at: grant.expiresAt,
    bindings: JSON.stringify(grant.bindings),
    limits: JSON.stringify(grant.limits),
  }
  return { ...covered, mac: mac.sign(COVERED.map((column) => covered[column])) }
}

/** The grant in a row; undefined when the row is not as we wrote it. */
export function parseGrantRow(row: Row, mac: RowMac): StoredGrant | undefined {
  const covered: MacInput = COVERED.map((column) => {
    const value = row[column]
    return typeof value === 'string' || typeof value === 'number' ? value : null
  })
  if (!mac.verify(covered, textOf(row, 'mac'))) return undefined
  return defined({
    id: textOf(row, 'id'),
    agent: textOf(row, 'agent'),
    agentGeneration: integerOf(row, 'agent_generation'),
    sessionId: optionalTextOf(row, 'session_id'),
    scopes: new Set(textsOf(row, 'scopes')),
    services: textsOf(row, 'services'),
    chain: textsOf(row, 'chain'),
    issuedBy: textOf(row, 'issued_by'),
    issuedAt: integerOf(row, 'issued_at'),
    expiresAt: integerOf(row, 'expires_at'),
    // The MAC has proved that these texts are our own.
    bindings: JSON.parse(textOf(row, 'bindings')) as Bindings,
    limits: JSON.parse(textOf(row, 'limits')) as Limits,
    revokedAt: optionalIntegerOf(row, 'revoked_at'),
    lastUsedAt: optionalIntegerOf(row, 'last_used_at'),
    boundAddress: optionalTextOf(row, 'bound_address'),
  })
}

function textsOf(row: Row, column: string): string[] {
  return JSON.parse(textOf(row, column)) as string[]
}
