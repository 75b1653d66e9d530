/** `secret status`: how fresh each secret is where it is used, and what is wrong; never a value. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { SecretSource } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { usesVersion } from '../secret/source-state.ts'
import { formatDuration } from '../config/units.ts'
import type { Call, Runner } from './command.ts'
import { connect } from './connection.ts'
import { answer } from './session.ts'
import { formatTable } from './table.ts'

const options = z.object({ all: z.boolean().optional() })
type StatusCall = Call<z.output<typeof options>>

export function registerSecretStatus(parent: Command, runs: Runner): void {
  const status = parent
    .command('status')
    .argument('[name]', 'only this one')
    .description('source, version, age, next refresh and last error; never a value')
    .option('--all', 'also those that nobody has needed since the start')
  runs(status, options, showStatus)
}

async function showStatus({ session, args: [name], options: { all } }: StatusCall): Promise<void> {
  const { client } = await connect(session)
  const known = (await client.secrets.sources()).items
  if (name !== undefined && !known.some((source) => source.name === name))
    throw new Failure('not_found', `no service uses a secret ${name}`)
  const items = known.filter((source) =>
    name === undefined ? all === true || isUsed(source) : source.name === name,
  )
  const now = Date.now()
  const header = [
    ...['secret', 'source', 'process', 'version', 'age', 'next refresh'],
    ...['in flight', 'last error'],
  ]
  const words =
    items.length === 0
      ? 'no secret has been needed since the start (--all shows where each would come from)'
      : formatTable(
          session.terminal,
          header,
          items.map((source) => rowOf(source, now)),
        )
  answer(session, { items }, words)
}

const isUsed = ({ fetchedAt, lastError, inFlight }: SecretSource): boolean =>
  fetchedAt !== undefined || lastError !== undefined || inFlight !== undefined

function rowOf(known: SecretSource, now: number): string[] {
  const { name, source, process, version = '', fetchedAt, refreshAt, lastError, inFlight } = known
  return [
    ...[name, source, process, version],
    fetchedAt === undefined ? '' : span(now - fetchedAt),
    fetchedAt === undefined ? '' : refreshWords(refreshAt, now),
    usesWords(inFlight, version),
    lastError ? `${lastError.problem} (${span(now - lastError.at)} ago)` : '',
  ]
}

/** `3`, or `3 (1 with v2)` while some still have a former version. */
function usesWords(uses: SecretSource['inFlight'] = [], current: string): string {
  const total = uses.reduce((sum, { requests }) => sum + requests, 0)
  const former = uses
    .filter((use) => !usesVersion(use, current))
    .map(({ version, requests }) => `${requests} with ${version}`)
  if (total === 0) return ''
  return former.length === 0 ? String(total) : `${total} (${former.join(', ')})`
}

/** What is due is asked for by the next request that needs it. */
function refreshWords(refreshAt: number | undefined, now: number): string {
  if (refreshAt === undefined) return 'never'
  return refreshAt <= now ? 'when next needed' : `in ${span(refreshAt - now)}`
}

const span = (ms: number): string => formatDuration(ms / 1000)
