/** Texts and operations as small numbers: many records say the same. */

import type { IndexDatabase } from './database.ts'
import type { Operation } from './record-row.ts'

/** What a process remembers; beyond it the database is asked again. */
const REMEMBERED = 50_000

export class Terms {
  readonly #database: IndexDatabase
  readonly #terms = new Map<string, number>()
  readonly #operations = new Map<string, number>()
  readonly #tokens = new Set<number>()
  readonly #chains = new Map<string, number>()

  constructor(database: IndexDatabase) {
    this.#database = database
  }

  idOf(text: string): number {
    return remember(this.#terms, text, () => this.#insertTerm(text))
  }

  operationOf(operation: Operation): number {
    const { service, scopes, method, rule, decision, reason, credential } = operation
    const key = [service, scopes, method, rule, decision, reason].join('\n')
    const description = `${key}\n${credential?.name ?? ''}\n${credential?.version ?? ''}`
    return remember(this.#operations, description, () =>
      this.#insertOperation(description, operation),
    )
  }

  /** A token belongs to one agent for good. */
  tokenOf(tokenId: string, agent: number): number {
    const token = this.idOf(tokenId)
    if (this.#tokens.has(token)) return token
    if (this.#tokens.size >= REMEMBERED) this.#tokens.clear()
    this.#tokens.add(token)
    this.#database.run('INSERT OR IGNORE INTO token (token, agent) VALUES (?, ?)', token, agent)
    return token
  }

  /** The ancestors of a token, root first; their tokens may be of any agent. */
  chainOf(ancestors: readonly string[]): number {
    return remember(this.#chains, ancestors.join(' '), () => {
      const chain = this.idOf(ancestors.join(' '))
      for (const ancestor of ancestors)
        this.#database.run(
          'INSERT OR IGNORE INTO lineage (ancestor, chain) VALUES (?, ?)',
          ...[this.idOf(ancestor), chain],
        )
      return chain
    })
  }

  #insertTerm(text: string): number {
    const found = this.#database.get('SELECT id FROM term WHERE text = ?', text)
    if (found) return Number(found['id'])
    const made = this.#database.get('INSERT INTO term (text) VALUES (?) RETURNING id', text)
    return Number(made?.['id'])
  }

  #insertOperation(description: string, operation: Operation): number {
    const { service, scopes, method, rule, decision, reason, credential } = operation
    const sql = 'SELECT id FROM operation WHERE description = ?'
    const found = this.#database.get(sql, description)
    if (found) return Number(found['id'])
    const made = this.#database.get(
      `INSERT INTO operation
         (description, service, scopes, method, rule, decision, reason, credential, version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      ...[description, service, scopes, method, rule, decision, reason],
      ...[credential?.name ?? null, credential?.version ?? null],
    )
    return Number(made?.['id'])
  }
}

function remember(known: Map<string, number>, key: string, find: () => number): number {
  const before = known.get(key)
  if (before !== undefined) return before
  const id = find()
  if (known.size >= REMEMBERED) known.clear()
  known.set(key, id)
  return id
}
