/** `agent`: the programs that hold tokens. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AgentView } from '../../sdk/src/client.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { formatDistance, formatMoment } from './moments.ts'
import { answer } from './session.ts'
import { formatTable, plain } from './table.ts'
import { allTokens } from './tokens.ts'

const none = z.object({})

export function registerAgent(program: Command, runs: Runner): void {
  const agent = program
    .command('agent')
    .description('agents: list, show, disable, enable, set-owner')
  runs(agent.command('list').description('list agents'), none, listAgents)
  const named = (name: string, description: string) =>
    agent.command(name).argument('<agent>').description(description)
  runs(named('show', 'show an agent and its live tokens'), none, showAgent)
  runs(named('disable', 'revoke all of its tokens, and issue it no more'), none, disableAgent)
  runs(named('enable', 'allow new tokens; the old ones stay dead'), none, enableAgent)
  const owned = named('set-owner', 'say who answers for it').argument('<owner>')
  runs(owned, none, setOwner)
}

async function listAgents({ session }: Call<object>): Promise<void> {
  const { client } = await connect(session)
  const { items } = await client.agents.list()
  const rows = items.map((agent) => [agent.name, agent.owner, stateOf(agent)])
  const words =
    items.length === 0
      ? 'no agents'
      : formatTable(session.terminal, ['agent', 'owner', 'state'], rows)
  answer(session, { items }, words)
}

async function showAgent({ session, args: [name = ''] }: Call<object>): Promise<void> {
  const { client } = await connect(session)
  const agent = await client.agents.find(name)
  const tokens = await allTokens(client, { agent: name })
  const rows = tokens.map(({ id, expiresAt, scopes }) => [
    id,
    formatDistance(expiresAt, Date.now()),
    scopes.join(','),
  ])
  const owner = agent.owner === undefined ? 'no owner' : `owned by ${plain(agent.owner)}`
  const head = `${agent.name}: ${stateOf(agent)}, ${owner}, since ${formatMoment(agent.createdAt)}`
  const list =
    rows.length === 0
      ? 'no live tokens'
      : formatTable(session.terminal, ['token', 'expires', 'scopes'], rows)
  answer(session, { ...agent, tokens }, `${head}\n${list}`)
}

async function disableAgent({ session, args: [name = ''] }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const agent = await connection.client.agents.disable(name)
  const { revoked = 0, cut = 0 } = agent.revocation ?? {}
  session.terminal.note(describe(connection))
  answer(
    session,
    agent,
    `${agent.name} disabled; tokens revoked: ${revoked}, requests cut: ${cut}; it gets no tokens until \`agent enable\``,
  )
}

async function enableAgent({ session, args: [name = ''] }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const agent = await connection.client.agents.enable(name)
  session.terminal.note(describe(connection))
  answer(session, agent, `${agent.name} may get new tokens; its old ones stay dead`)
}

async function setOwner({ session, args: [name = '', owner = ''] }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const agent = await connection.client.agents.setOwner(name, owner)
  session.terminal.note(describe(connection))
  answer(session, agent, `${agent.name} is owned by ${plain(agent.owner ?? '')}`)
}

function stateOf({ disabled }: AgentView): string {
  return disabled ? 'disabled' : 'enabled'
}
