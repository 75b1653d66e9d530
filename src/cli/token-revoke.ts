/** `token revoke`: by id, by the token itself, or all of an agent's. Revoking twice is done. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { Revoked, RevokeTarget } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe, type Connection } from './connection.ts'
import { answer, type Session } from './session.ts'

const options = z.object({ agent: z.string().optional() })
const SHAPED = /[pm]t_(?:live|test)_[0-9A-Za-z]{36}$/
const TOKEN_ID = /^tok_[0-9A-Za-z]{20}$/

export function registerTokenRevoke(parent: Command, runs: Runner): void {
  const command = parent
    .command('revoke')
    .argument('[token]', 'the id (tok_...), the token, or - to read the token from standard input')
    .option('--agent <name>', 'all tokens of this agent')
    .description('revoke a token; the credential behind it does not change')
  runs(command, options, revoke)
}

async function revoke({
  session,
  options: { agent },
  args: [named],
}: Call<z.output<typeof options>>): Promise<void> {
  const target = await targetOf(session, named, agent)
  const connection = await connect(session)
  const revoked = await connection.client.tokens.revoke(target)
  const names = await serviceNames(connection, revoked)
  const { environment } = connection
  const words =
    'agent' in target
      ? describeAgent(target.agent, environment, { revoked, names })
      : describeOne(environment, { revoked, names })
  session.terminal.note(describe(connection))
  answer(session, revoked, words)
}

async function targetOf(
  { terminal }: Session,
  named: string | undefined,
  agent: string | undefined,
): Promise<RevokeTarget> {
  if ((named === undefined) === (agent === undefined))
    throw new Failure('usage_invalid', 'name one token, or an agent with --agent')
  if (agent !== undefined) return { agent }
  const text = named === '-' ? ((await terminal.readInput()) ?? '') : (named ?? '')
  return tokenTarget(text.trim())
}

/** An id must be whole: a prefix could name another token tomorrow. */
function tokenTarget(text: string): RevokeTarget {
  if (text === '') throw new Failure('usage_invalid', 'standard input holds no token')
  // Printed with --shape it stands behind a vendor's prefix, which is not part of it.
  if (!text.startsWith('tok_')) return { token: SHAPED.exec(text)?.[0] ?? text }
  if (TOKEN_ID.test(text)) return { id: text }
  throw new Failure('usage_invalid', 'a token id is tok_ and 20 letters or digits, whole')
}

/** Names as people know them; only who may list services gets them. */
async function serviceNames({ client }: Connection, { tokens }: Revoked): Promise<string[]> {
  const ids = [...new Set(tokens.flatMap(({ services }) => services))].sort()
  const items = await client.services
    .list()
    .then((page) => page.items)
    .catch(() => [])
  return ids.map((id) => items.find((service) => service.id === id)?.name ?? id)
}

interface Outcome {
  readonly revoked: Revoked
  readonly names: readonly string[]
}

function describeOne(environment: string, { revoked, names }: Outcome): string {
  const [token] = revoked.tokens
  const who = token ? `${token.id} (${token.agent}, ${environment})` : `the token (${environment})`
  return `${who} revoked; ${cutWords(revoked)}${unchangedWords(names)}`
}

function describeAgent(agent: string, environment: string, { revoked, names }: Outcome): string {
  const count = revoked.revoked === 1 ? '1 token' : `${revoked.revoked} tokens`
  return `${count} of ${agent} (${environment}) revoked; ${cutWords(revoked)}${unchangedWords(names)}`
}

function cutWords({ cut }: Revoked): string {
  return cut === 1 ? '1 request cut' : `${cut} requests cut`
}

function unchangedWords(names: readonly string[]): string {
  if (names.length === 0) return ''
  const last = names.at(-1) ?? ''
  const list = names.length === 1 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
  return `; the ${list} ${names.length === 1 ? 'key is' : 'keys are'} unchanged`
}
