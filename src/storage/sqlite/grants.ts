/** Grants in SQLite. A row whose MAC does not verify counts as absent, everywhere, and is logged. */

import type { KeyObject } from 'node:crypto'
import { Failure } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { GrantFilter, GrantStore, Page, StoredGrant } from '../../policy/grant-store.ts'
import type { Grant } from '../../policy/grant.ts'
import type { Database, Parameters, Row } from './database.ts'
import { formatGrantRow, INSERT_GRANT, parseGrantRow } from './grant-row.ts'
import { createRowMac } from './row-mac.ts'
import { integerOf, textOf } from './row.ts'

const MAX_PAGE = 1000
const POSITION = /^(?<issuedAt>\d{1,16})_(?<id>\w{1,64})$/

export interface GrantStoreParts {
  /** The sub-key for rows; see token/keys.ts. */
  readonly macKey: KeyObject
  readonly log: Log
}

/** Builds the store over an open database. */
export function createSqliteGrantStore(
  database: Database,
  { macKey, log }: GrantStoreParts,
): GrantStore {
  const mac = createRowMac(macKey, 'grants')

  function read(row: Row | undefined): StoredGrant | undefined {
    const grant = row && parseGrantRow(row, mac)
    if (row && !grant) log.error('grant_row_forged', { id: textOf(row, 'id') })
    return grant
  }

  const findById = (id: string) => read(database.get('SELECT * FROM grants WHERE id = :id', { id }))

  return {
    findByDigest: async (digest) =>
      read(database.get('SELECT * FROM grants WHERE digest = :digest', { digest })),
    findById: async (id) => findById(id),
    insert: async (grant, digest) =>
      database.transaction(() => {
        if (!mayInsert(database, grant)) return false
        database.run(INSERT_GRANT, formatGrantRow(grant, digest, mac))
        return true
      }),
    list: async (filter, page) => listGrants(database, { filter, page, read }),
    bindAddress: async (id, address) => bindAddress(database, id, address),
    touch: async (lastUsed) => {
      touch(database, lastUsed)
    },
    reserve: async (id, count) =>
      database.transaction(() => reserve(database, findById, { id, count })),
  }
}

/** Its agent is enabled and of the same generation, and every ancestor is there and unrevoked. */
function mayInsert(database: Database, { agent, agentGeneration, chain }: Grant): boolean {
  const standing = database.get(
    `SELECT 1 FROM agents
     WHERE name = :agent AND generation = :agentGeneration AND disabled_at IS NULL`,
    { agent, agentGeneration },
  )
  if (!standing || chain.length === 0) return standing !== undefined
  const alive = database.get(
    `SELECT count(*) AS n FROM grants
     WHERE revoked_at IS NULL AND id IN (SELECT value FROM json_each(:chain))`,
    { chain: JSON.stringify(chain) },
  )
  return alive !== undefined && integerOf(alive, 'n') === new Set(chain).size
}

interface Listing {
  readonly filter: GrantFilter
  readonly page: { readonly limit: number; readonly cursor?: string }
  readonly read: (row: Row) => StoredGrant | undefined
}

/** Pages by key, not by offset: a grant that is issued meanwhile moves nothing. */
function listGrants(database: Database, { filter, page, read }: Listing): Page<StoredGrant> {
  const limit = Math.min(MAX_PAGE, Math.max(1, page.limit))
  const { clauses, parameters } = conditionsOf(filter, page.cursor)
  const rows = database.all(
    `SELECT * FROM grants AS g WHERE ${['TRUE', ...clauses].join(' AND ')}
     ORDER BY issued_at DESC, id DESC LIMIT :limit`,
    { ...parameters, limit: limit + 1 },
  )
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(read).filter((grant) => grant !== undefined),
    ...(last && rows.length > limit ? { nextCursor: positionOf(last) } : {}),
  }
}

const REVOKED_ANCESTOR = `EXISTS (
  SELECT 1 FROM json_each(g.chain) AS link JOIN grants AS ancestor ON ancestor.id = link.value
  WHERE ancestor.revoked_at IS NOT NULL)`

function conditionsOf(filter: GrantFilter, cursor: string | undefined) {
  const clauses: string[] = []
  let parameters: Parameters = {}
  const where = (clause: string, values: Parameters) => {
    clauses.push(clause)
    parameters = { ...parameters, ...values }
  }
  const { agent, service, scopes, below, liveAt, expiresAfter } = filter
  if (agent !== undefined) where('agent = :agent', { agent })
  if (service !== undefined)
    where('EXISTS (SELECT 1 FROM json_each(g.services) WHERE value = :service)', { service })
  if (scopes !== undefined) where(overlaps('scopes', 'held'), { held: JSON.stringify(scopes) })
  if (below !== undefined)
    where(`chain <> '[]' AND ${overlaps('chain', 'above')}`, { above: JSON.stringify(below) })
  if (expiresAfter !== undefined) where('expires_at > :expiresAfter', { expiresAfter })
  if (liveAt !== undefined)
    where(`expires_at > :liveAt AND revoked_at IS NULL AND NOT ${REVOKED_ANCESTOR}`, { liveAt })
  if (cursor !== undefined) where('(issued_at, id) < (:issuedAt, :id)', parsePosition(cursor))
  return { clauses, parameters }
}

/** One of a column's texts is among those of a parameter. */
const overlaps = (column: 'scopes' | 'chain', parameter: string) =>
  `EXISTS (SELECT 1 FROM json_each(g.${column})
   WHERE value IN (SELECT value FROM json_each(:${parameter})))`

function positionOf(row: Row): string {
  return `${integerOf(row, 'issued_at')}_${textOf(row, 'id')}`
}

function parsePosition(cursor: string): Parameters {
  const { issuedAt, id } = POSITION.exec(cursor)?.groups ?? {}
  if (issuedAt === undefined || id === undefined) {
    throw new Failure('usage_invalid', 'the cursor is not one of this list')
  }
  return { issuedAt: Number(issuedAt), id }
}

function bindAddress(database: Database, id: string, address: string): string {
  const row = database.get(
    `UPDATE grants SET bound_address = coalesce(bound_address, :address) WHERE id = :id
     RETURNING bound_address`,
    { id, address },
  )
  if (!row) throw new Failure('not_found', 'there is no such grant')
  return textOf(row, 'bound_address')
}

function touch(database: Database, lastUsed: ReadonlyMap<string, number>): void {
  database.transaction(() => {
    for (const [id, at] of lastUsed) {
      database.run(
        'UPDATE grants SET last_used_at = max(coalesce(last_used_at, 0), :at) WHERE id = :id',
        { id, at },
      )
    }
  })
}

/** Takes from the grant and from each ancestor that is limited: children spend their parents' too. */
function reserve(
  database: Database,
  find: (id: string) => StoredGrant | undefined,
  { id, count }: { readonly id: string; readonly count: number },
): number {
  const grant = find(id)
  if (!grant) return 0
  const line = [...grant.chain.map(find), grant]
  const lefts = line.map((member) => (member ? leftOf(database, member) : 0))
  const given = Math.max(0, Math.min(count, ...lefts))
  for (const member of line) {
    database.run('UPDATE grants SET requests_used = requests_used + :given WHERE id = :id', {
      given,
      id: member?.id ?? '',
    })
  }
  return given
}

function leftOf(database: Database, { id, limits }: StoredGrant): number {
  if (limits.maxRequests === undefined) return Infinity
  const row = database.get('SELECT requests_used FROM grants WHERE id = :id', { id })
  return row ? limits.maxRequests - integerOf(row, 'requests_used') : 0
}
