/**
 * `secret rotate`: another value in place of a stored one. Requests that begin from now on get it;
 * those under way keep the former one, which may be revoked at its service once they have ended.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import type { Client } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { formatDuration, parseDuration } from '../config/units.ts'
import { usesVersion } from '../secret/source-state.ts'
import { collect, type Call, type Runner } from './command.ts'
import { storeValue, subjectOf } from './secret-set.ts'
import { answer, type Session } from './session.ts'

const options = z.object({
  field: z.array(z.string()).optional(),
  overlap: z.string().optional(),
})
type RotateCall = Call<z.output<typeof options>>

const POLL_MS = 500

export function registerSecretRotate(parent: Command, runs: Runner): void {
  const rotate = parent
    .command('rotate')
    .argument('<name>')
    .description('replace a stored secret; tokens stay as they are')
    .option('--field <name=source>', 'one field, as in set', collect)
    .option(
      '--overlap <duration>',
      'wait until no request uses the former one any more, at most so long (exit 1 beyond that)',
    )
  runs(rotate, options, rotateSecret)
}

async function rotateSecret(call: RotateCall): Promise<void> {
  const { session, options: asked } = call
  const overlapSeconds = overlapOf(asked.overlap)
  const subject = await subjectOf(call)
  const stored = await storeValue(session, { ...subject, fields: asked.field, mustExist: true })
  const { view, words } = stored
  if (overlapSeconds === undefined) {
    answer(session, view, words)
    return
  }
  session.terminal.note(words)
  const overlap: Overlap = { ...view, client: stored.connection.client, seconds: overlapSeconds }
  await waitForFormer(session, overlap)
  const done = 'no request uses a former version any more: revoke it where it was made'
  answer(session, { ...view, inFlight: 0 }, done)
}

function overlapOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseDuration(text)
  if (seconds !== undefined) return seconds
  throw new Failure('usage_invalid', `--overlap takes a duration as 30s, 10m or 2h, not ${text}`)
}

interface Overlap {
  readonly client: Client
  readonly name: string
  readonly version: number
  readonly seconds: number
}

/** Throws `refused` when some are left at the end: the secret is rotated all the same. */
async function waitForFormer(session: Session, overlap: Overlap): Promise<void> {
  const { seconds, name, version } = overlap
  const deadline = performance.now() + seconds * 1000
  // A request that had its credential and waits for its record is counted a moment later.
  do {
    await sleep(POLL_MS)
    const left = await countFormer(overlap)
    session.terminal.progress(left === 0 ? '' : `${requests(left)} with a former version`)
    if (left === 0) return
  } while (performance.now() < deadline)
  session.terminal.progress('')
  throw new Failure(
    'refused',
    `version ${version} is in use, but after ${formatDuration(seconds)} ${requests(await countFormer(overlap))} under way with a former one: see \`apistronghold secret status ${name}\`, and revoke that one when they have ended`,
  )
}

/** In all processes; what was minted from a version counts as that version. */
async function countFormer({ client, name, version }: Overlap): Promise<number> {
  const { items } = await client.secrets.sources()
  return items
    .filter((source) => source.name === name)
    .flatMap(({ inFlight = [] }) => inFlight)
    .filter((use) => !usesVersion(use, `v${version}`))
    .reduce((sum, use) => sum + use.requests, 0)
}

const requests = (count: number): string => (count === 1 ? '1 request is' : `${count} requests are`)
