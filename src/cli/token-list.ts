/** `token list` and `token inspect`: what was issued, never the tokens themselves. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { TokenView } from '../../sdk/src/client.ts'
import { formatDuration } from '../config/units.ts'
import type { Call, Runner } from './command.ts'
import { connect } from './connection.ts'
import { formatDistance, formatMoment } from './moments.ts'
import { answer, compact } from './session.ts'
import { formatTable, plain } from './table.ts'
import { allTokens } from './tokens.ts'

const listOptions = z.object({
  agent: z.string().optional(),
  service: z.string().optional(),
  all: z.boolean().optional(),
})

export function registerTokenList(parent: Command, runs: Runner): void {
  const list = parent
    .command('list')
    .description('list live tokens')
    .option('--agent <name>', 'of this agent only')
    .option('--service <id>', 'with scopes of this service only')
    .option('--all', 'expired and revoked ones too')
  runs(list, listOptions, listTokens)
  const inspect = parent
    .command('inspect')
    .argument('<id>', 'tok_...')
    .description('show everything about a token')
  runs(inspect, z.object({}), inspectToken)
}

async function listTokens({ session, options }: Call<z.output<typeof listOptions>>): Promise<void> {
  const { client } = await connect(session)
  const items = await allTokens(client, compact(options))
  const now = Date.now()
  const rows = items.map((token) => [
    token.id,
    token.agent,
    token.status,
    token.status === 'live' ? formatDistance(token.expiresAt, now) : '',
    token.lastUsedAt === undefined ? 'never' : formatDistance(token.lastUsedAt, now),
    token.scopes.join(','),
  ])
  const header = ['id', 'agent', 'status', 'expires', 'used', 'scopes']
  const words = items.length === 0 ? 'no tokens' : formatTable(session.terminal, header, rows)
  answer(session, { items }, words)
}

async function inspectToken({ session, args }: Call<object>): Promise<void> {
  const { client } = await connect(session)
  const token = await client.tokens.find(args[0] ?? '')
  answer(session, token, describeToken(token, Date.now()))
}

function describeToken(token: TokenView, now: number): string {
  const { bindings, limits } = token
  const rate = limits.ratePerSecond === undefined ? undefined : `${limits.ratePerSecond}/s`
  const facts: Readonly<Record<string, string | undefined>> = {
    agent: token.agent,
    status: token.status,
    scopes: token.scopes.join(', '),
    issued: `${formatMoment(token.issuedAt)} by ${token.issuedBy}`,
    expires: `${formatMoment(token.expiresAt)} (${formatDistance(token.expiresAt, now)})`,
    life: formatDuration((token.expiresAt - token.issuedAt) / 1000),
    revoked: token.revokedAt === undefined ? undefined : formatMoment(token.revokedAt),
    used: token.lastUsedAt === undefined ? 'never' : formatMoment(token.lastUsedAt),
    parents: token.chain.join(' > ') || undefined,
    'from addresses': bindings.cidr?.join(', '),
    'from first address': bindings.firstUse ? (bindings.boundAddress ?? 'not used yet') : undefined,
    'with DPoP key': bindings.dpop,
    requests: limits.maxRequests === undefined ? undefined : `at most ${limits.maxRequests}`,
    rate,
  }
  const lines = Object.entries(facts).flatMap(([name, text]) =>
    text === undefined ? [] : `  ${name.padEnd(20)}${plain(text)}`,
  )
  return [token.id, ...lines].join('\n')
}
