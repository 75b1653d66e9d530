/**
 * Names in a question to the audit that stand for nothing: a mistyped agent has no records, which must
 * not read as if nothing had happened.
 */

import { ApiError, type AuditFilter, type Client } from '../../sdk/src/client.ts'
import { nearest } from '../base/nearest.ts'
import type { Session } from './session.ts'
import { plain } from './table.ts'

type Names = Pick<AuditFilter, 'agent' | 'service' | 'scope'>

/** Says so of each; what cannot be looked up is not judged. */
export async function noteUnknownNames(
  { terminal }: Session,
  client: Client,
  { agent, service, scope }: Names,
): Promise<void> {
  const found = [
    agent === undefined ? undefined : await unknownAgent(client, agent),
    service === undefined ? undefined : await unknownService(client, service),
    scope === undefined ? undefined : await unknownScope(client, scope),
  ]
  for (const unknown of found) if (unknown) terminal.note(inWords(unknown))
}

interface Unknown {
  readonly kind: 'agent' | 'service' | 'scope'
  readonly name: string
  readonly known: readonly string[]
}

function inWords({ kind, name, known }: Unknown): string {
  const near = nearest(name, known)
  const hint = near === undefined ? '' : `: did you mean ${plain(near)}?`
  return `there is no ${kind} ${plain(name)}${hint}`
}

/** One that was deleted is known by its records. */
async function unknownAgent(client: Client, name: string): Promise<Unknown | undefined> {
  if (await isThere(() => client.agents.find(name))) return undefined
  const records = await attempt(() => client.audit.query({ agent: name, limit: 1 }))
  const list = await attempt(() => client.agents.list())
  if (!records || records.items.length > 0 || !list) return undefined
  return { kind: 'agent', name, known: list.items.map((one) => one.name) }
}

async function unknownService(client: Client, name: string): Promise<Unknown | undefined> {
  if (await isThere(() => client.services.find(name))) return undefined
  const list = await attempt(() => client.services.list())
  return list && { kind: 'service', name, known: list.items.map(({ id }) => id) }
}

async function unknownScope(client: Client, name: string): Promise<Unknown | undefined> {
  const list = await attempt(() => client.services.list())
  const known = list?.items.flatMap(({ id, scopes }) =>
    Object.keys(scopes).map((short) => `${id}:${short}`),
  )
  return !known || known.includes(name) ? undefined : { kind: 'scope', name, known }
}

const UNKNOWN = [400, 404]

/** True as well when nobody can tell. */
async function isThere(find: () => Promise<unknown>): Promise<boolean> {
  try {
    await find()
    return true
  } catch (error) {
    return !(error instanceof ApiError && UNKNOWN.includes(error.status))
  }
}

async function attempt<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch {
    return undefined
  }
}
