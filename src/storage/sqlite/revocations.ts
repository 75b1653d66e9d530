/**
 * The numbered list of revocations in SQLite. Number, entry and effect are one transaction, so
 * that number order is commit order and a crash leaves all of it or nothing.
 */

import { defined } from '../../policy/defined.ts'
import type { Revocation, RevocationLog } from '../../policy/revocation-log.ts'
import { findAgent } from './agents.ts'
import type { Database, Row } from './database.ts'
import { integerOf, optionalTextOf, textOf } from './row.ts'

/** Builds the log over an open database. */
export function createSqliteRevocationLog(database: Database): RevocationLog {
  return {
    revokeGrant: async (id, at) => database.transaction(() => revokeGrant(database, id, at)),
    revokeAgent: async (name, at, disable) =>
      database.transaction(() => revokeAgent(database, { name, at, disable })),
    holdGrant: async (id, at) => database.transaction(() => holdGrant(database, id, at)),
    resumeGrant: async (id, at) => database.transaction(() => resumeGrant(database, id, at)),
    since: async (sequence) =>
      database
        .all('SELECT * FROM revocations WHERE sequence > :sequence ORDER BY sequence', { sequence })
        .map(parseRevocationRow),
    head: async () => integerOf(database.get('SELECT n FROM revocation_head') ?? {}, 'n'),
  }
}

function revokeGrant(database: Database, id: string, at: number): Revocation | undefined {
  const earlier = latest(database, 'grant', id)
  if (earlier) return earlier
  const known = database.run(
    'UPDATE grants SET revoked_at = coalesce(revoked_at, :at) WHERE id = :id',
    { id, at },
  )
  if (known === 0) return undefined
  return append(database, { kind: 'grant', id, at, sequence: nextNumber(database) })
}

function holdGrant(database: Database, id: string, at: number): Revocation | undefined {
  const earlier = latestHold(database, id)
  if (earlier?.kind === 'hold') return earlier
  if (!database.get('SELECT 1 FROM grants WHERE id = :id', { id })) return undefined
  return append(database, { kind: 'hold', id, at, sequence: nextNumber(database) })
}

function resumeGrant(database: Database, id: string, at: number): Revocation | undefined {
  if (latestHold(database, id)?.kind !== 'hold') return undefined
  return append(database, { kind: 'resume', id, at, sequence: nextNumber(database) })
}

function latestHold(database: Database, id: string): Revocation | undefined {
  const [hold, resumed] = [latest(database, 'hold', id), latest(database, 'resume', id)]
  return (resumed?.sequence ?? 0) > (hold?.sequence ?? 0) ? resumed : hold
}

interface AgentToRevoke {
  readonly name: string
  readonly at: number
  readonly disable: boolean
}

function revokeAgent(
  database: Database,
  { name, at, disable }: AgentToRevoke,
): Revocation | undefined {
  const agent = findAgent(database, name)
  if (!agent) return undefined
  // A disabled agent got no token since: what killed its last ones still covers everything.
  if (agent.disabledAt !== undefined) return latest(database, 'agent', name)
  const generation = agent.generation + 1
  database.run(
    `UPDATE agents SET generation = :generation, disabled_at = :disabledAt WHERE name = :name`,
    { name, generation, disabledAt: disable ? at : null },
  )
  const alsoGrants = grantsWithForeignDescendants(database, name, at)
  database.run('UPDATE grants SET revoked_at = :at WHERE agent = :name AND revoked_at IS NULL', {
    name,
    at,
  })
  const sequence = nextNumber(database)
  return append(database, {
    kind: 'agent',
    id: name,
    at,
    sequence,
    generation,
    disabled: disable,
    ...(alsoGrants.length > 0 ? { alsoGrants } : {}),
  })
}

/** Generations cover an agent's own tokens; these need naming, for the sake of their children. */
function grantsWithForeignDescendants(database: Database, name: string, at: number): string[] {
  const rows = database.all(
    `SELECT DISTINCT mine.id FROM grants AS theirs
     JOIN json_each(theirs.chain) AS link JOIN grants AS mine ON mine.id = link.value
     WHERE theirs.chain <> '[]' AND theirs.expires_at > :at
       AND theirs.agent <> :name AND mine.agent = :name
     ORDER BY mine.id`,
    { name, at },
  )
  return rows.map((row) => textOf(row, 'id'))
}

function latest(
  database: Database,
  kind: Revocation['kind'],
  target: string,
): Revocation | undefined {
  const row = database.get(
    `SELECT * FROM revocations WHERE kind = :kind AND target = :target
     ORDER BY sequence DESC LIMIT 1`,
    { kind, target },
  )
  return row && parseRevocationRow(row)
}

/** The update locks the row until commit; a sequence would hand out numbers in another order. */
function nextNumber(database: Database): number {
  const rows = database.all('UPDATE revocation_head SET n = n + 1 RETURNING n')
  return integerOf(rows[0] ?? {}, 'n')
}

function append(database: Database, revocation: Revocation): Revocation {
  const agent = revocation.kind === 'agent' ? revocation : undefined
  database.run(
    `INSERT INTO revocations (sequence, at, kind, target, generation, disabled, also_grants)
     VALUES (:sequence, :at, :kind, :target, :generation, :disabled, :alsoGrants)`,
    {
      sequence: revocation.sequence,
      at: revocation.at,
      kind: revocation.kind,
      target: revocation.id,
      generation: agent?.generation ?? null,
      disabled: agent ? Number(agent.disabled) : null,
      alsoGrants: agent?.alsoGrants ? JSON.stringify(agent.alsoGrants) : null,
    },
  )
  return revocation
}

function parseRevocationRow(row: Row): Revocation {
  const entry = {
    sequence: integerOf(row, 'sequence'),
    at: integerOf(row, 'at'),
    id: textOf(row, 'target'),
  }
  const kind = textOf(row, 'kind')
  if (kind === 'grant' || kind === 'hold' || kind === 'resume') return { ...entry, kind }
  const also = optionalTextOf(row, 'also_grants')
  return defined({
    ...entry,
    kind: 'agent' as const,
    generation: integerOf(row, 'generation'),
    disabled: integerOf(row, 'disabled') === 1,
    alsoGrants: also === undefined ? undefined : (JSON.parse(also) as string[]), // our own text
  })
}
