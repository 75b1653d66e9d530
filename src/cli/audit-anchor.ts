/** `audit anchor`: the newest checkpoints to where nobody who holds the server can change them. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { openFilePlace } from '../anchor/file-place.ts'
import { openGitPlace } from '../anchor/git-place.ts'
import { newsFor, type AnchorPlace } from '../anchor/place.ts'
import { credentialIn, openS3Place } from '../anchor/s3-place.ts'
import { parseTarget, type AnchorTarget } from '../anchor/target.ts'
import { openWebPlace } from '../anchor/web-place.ts'
import type { SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { recall, remember } from './anchor-memory.ts'
import { refuseDoubts } from './audit-checkpoint.ts'
import { readAuthority } from './authority.ts'
import { collect, type Call, type Runner } from './command.ts'
import { connect } from './connection.ts'
import { takeSecret } from './secret-input.ts'
import { answer, type Session } from './session.ts'
import { plain } from './table.ts'
import type { Examined } from './server-watch.ts'

const options = z.object({
  to: z.array(z.string()),
  push: z.boolean().default(false),
  secret: z.string().optional(),
  ca: z.string().optional(),
  allowPrivateAddress: z.boolean().default(false),
})
type Options = z.output<typeof options>

export function registerAuditAnchor(audit: Command, runs: Runner): void {
  const command = audit
    .command('anchor')
    .description('hand the newest checkpoints to another place, where they are new there')
    .requiredOption(
      '--to <target>',
      'a file, git:DIR, https://... (posted), put+https://... (an object; with / at the end one for each checkpoint), s3://BUCKET/PREFIX?region=... (signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), @FILE (has one of these); may be repeated',
      collect,
    )
    .option('--push', 'after a commit in git:DIR, also `git push`')
    .option('--secret <source>', 'signs what is posted: env:NAME, file:PATH or - (whsec_...)')
    .option('--ca <file>', 'certificates (PEM) that verify https:// and s3:// targets')
    .option('--allow-private-address', 'targets may be in a private network, or on this machine')
  runs(command, options, anchor)
}

interface Target {
  readonly text: string
  readonly parsed: AnchorTarget
}

interface Outcome {
  readonly target: string
  readonly anchored: readonly { readonly origin: string; readonly size: number }[]
  readonly problem?: string
}

/** The places are read first: what is there came from this log no later than what it shows then. */
async function anchor({ session, options: asked }: Call<Options>): Promise<void> {
  const targets = asked.to.map((text) => readTarget(session, text))
  const open = await opener(session, asked)
  const connection = await connect(session)
  const places: Place[] = []
  for (const target of targets) places.push(await attempt(target, () => open(target)))
  const examined = await session.witness.examine(connection.client)
  refuseDoubts(examined)
  const outcomes: Outcome[] = []
  for (const place of places) outcomes.push(await handOver(session, place, examined))
  answer(session, { server: connection.server, targets: outcomes }, inWords(outcomes))
  const problems = outcomes.flatMap(({ problem }) => (problem === undefined ? [] : plain(problem)))
  if (problems.length === 0) return
  const count = `${problems.length} of ${outcomes.length} targets failed`
  throw new Failure('refused', `${count}: ${problems.join('; ')}`)
}

/** `@FILE`, for a URL that is itself a secret. */
function readTarget({ terminal }: Session, given: string): Target {
  const isNamed = given.startsWith('@')
  const text = isNamed ? readLine(terminal.workingDirectory, given.slice(1)) : given
  const parsed = parseTarget(text)
  if (!parsed.ok) throw new Failure('usage_invalid', `a target of --to ${parsed.error}`)
  // Else a secret in the wrong file would become the name of another.
  if (isNamed && parsed.value.kind === 'file' && !text.startsWith('file:'))
    throw new Failure(
      'usage_invalid',
      'a target in a file begins with file:, git:, https:, put+ or s3:',
    )
  return { text, parsed: parsed.value }
}

function readLine(directory: string, name: string): string {
  try {
    return readFileSync(resolve(directory, name), 'utf8').trim()
  } catch (error) {
    const why = systemErrorCode(error) ?? 'no reason'
    throw new Failure('usage_invalid', `cannot read ${name}: ${why}`)
  }
}

interface Place {
  readonly target: Target
  readonly opened: AnchorPlace | Failure
}

async function attempt(target: Target, open: () => Promise<AnchorPlace>): Promise<Place> {
  try {
    return { target, opened: await open() }
  } catch (error) {
    if (error instanceof Failure) return { target, opened: error }
    throw error
  }
}

async function opener({ terminal }: Session, asked: Options) {
  const { workingDirectory, env } = terminal
  const { push: isPushed, allowPrivateAddress } = asked
  const secret = asked.secret === undefined ? undefined : await takeSecret(terminal, asked.secret)
  const ca = asked.ca === undefined ? undefined : readAuthority(resolve(workingDirectory, asked.ca))
  return async ({ text, parsed }: Target): Promise<AnchorPlace> => {
    switch (parsed.kind) {
      case 'file':
        return openFilePlace(resolve(workingDirectory, parsed.path))
      case 'git': {
        const directory = resolve(workingDirectory, parsed.directory)
        return await openGitPlace({ directory, isPushed, env })
      }
      case 'web': {
        const known = recall(terminal, text)
        return openWebPlace({ ...parsed, secret, ca, allowPrivateAddress, known })
      }
      case 's3': {
        const known = recall(terminal, text)
        const credential = credentialIn(env)
        return openS3Place({ ...parsed, credential, ca, allowPrivateAddress, known })
      }
    }
  }
}

async function handOver(
  { terminal }: Session,
  { target, opened }: Place,
  { checkpoints, publicKey }: Examined,
): Promise<Outcome> {
  if (opened instanceof Failure)
    return { target: nameOf(target), anchored: [], problem: opened.message }
  const { name } = opened
  try {
    const news = newsFor(opened, checkpoints)
    await opened.write({ checkpoints: news, publicKey, at: Date.now() })
    if (isServer(target) && news.length > 0) remember(terminal, target.text, news)
    return { target: name, anchored: news.map(viewOf) }
  } catch (error) {
    if (error instanceof Failure) return { target: name, anchored: [], problem: error.message }
    throw error
  }
}

/** One that cannot be asked what it has. */
const isServer = ({ parsed: { kind } }: Target): boolean => kind === 'web' || kind === 's3'

/** Of one that could not be opened; those that could name themselves. */
function nameOf({ parsed, text }: Target): string {
  if (parsed.kind === 's3') return `s3://${parsed.bucket}`
  return parsed.kind === 'web' ? parsed.url.hostname : text
}

function viewOf({ origin, size }: SignedCheckpoint) {
  return { origin, size }
}

function inWords(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ target, anchored, problem }) => {
      const what = anchored.map(({ origin, size }) => `${origin} ${size}`).join(', ')
      return plain(`${target}: ${problem ?? (what || 'nothing new')}`)
    })
    .join('\n')
}
