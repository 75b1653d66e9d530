/** A work tree: a file for each writer, and a commit for each time that one of them grew. */

import { execFile } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure } from '../base/errors.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { asRefusal } from './fault.ts'
import { nameFor, type AnchorPlace } from './place.ts'

export interface GitPlaceParts {
  /** Absolute: the work tree, or a directory in it. */
  readonly directory: string
  readonly isPushed: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

const TIMEOUT_MS = 60_000
const SHARED_FILE = 0o644
const MAX_NOTE_BYTES = 64 * 1024

/** Throws `refused` when there is no work tree on a branch, or no git. */
export async function openGitPlace(parts: GitPlaceParts): Promise<AnchorPlace> {
  const { directory, isPushed } = parts
  const git = (...args: readonly string[]) => runGit(parts, args)
  const inside = await git('rev-parse', '--is-inside-work-tree')
  if (inside.code !== 0 || inside.stdout.trim() !== 'true')
    throw new Failure('refused', `git:${directory} is no work tree: run \`git init\` there`)
  if ((await git('symbolic-ref', '--quiet', 'HEAD')).code !== 0)
    throw new Failure('refused', `git:${directory} is on no branch, which would lose the commits`)
  const known = await readNotes(git, directory)
  return {
    name: `git:${directory}`,
    known,
    async write({ checkpoints }) {
      for (const checkpoint of checkpoints) writeNote(directory, checkpoint)
      await commit(git, { directory, known, checkpoints })
      if (isPushed) await well(git('push', '--quiet'), `git push in ${directory} failed`)
    },
  }
}

type Git = (...args: readonly string[]) => Promise<GitEnd>

interface GitEnd {
  readonly code: number
  readonly stdout: string
}

interface Commit extends Pick<AnchorPlace, 'known'> {
  readonly directory: string
  readonly checkpoints: readonly SignedCheckpoint[]
}

/** Also what a former run has written and could not commit. */
async function commit(git: Git, { directory, known, checkpoints }: Commit): Promise<void> {
  const files = [...new Set([...known.values(), ...checkpoints].map(fileOf))]
  if (files.length === 0) return
  const failed = `git commit in ${directory} failed: try it there by hand`
  await well(git('add', '--', ...files), failed)
  const { code } = await git('diff', '--cached', '--quiet', '--', ...files)
  if (code === 0) return
  const what = checkpoints.map(({ origin, size }) => `${origin} ${size}`)
  const message = ['Anchor the audit', '', ...what].join('\n').trim()
  await well(git('commit', '--quiet', '--message', message, '--', ...files), failed)
}

async function well(run: Promise<GitEnd>, failed: string): Promise<void> {
  if ((await run).code !== 0) throw new Failure('refused', failed)
}

/** Its own words may quote the URL that it pushes to, with what that holds: they are not repeated. */
function runGit({ directory, env }: GitPlaceParts, args: readonly string[]): Promise<GitEnd> {
  const own = Object.entries(env).filter(([name]) => !/^(?:APISTRONGHOLD|GIT)_/.test(name))
  const settings = {
    cwd: directory,
    env: { ...Object.fromEntries(own), GIT_TERMINAL_PROMPT: '0' },
    timeout: TIMEOUT_MS,
  }
  return new Promise((resolve, reject) => {
    const child = execFile('git', [...args], settings, (error, stdout) => {
      const code = error ? error.code : 0
      if (typeof code === 'number') resolve({ code, stdout })
      else reject(new Failure('refused', `git cannot be run in ${directory}: ${code ?? 'ended'}`))
    })
    child.stdin?.on('error', () => undefined).end() // whatever asks something is told nothing
  })
}

/** Those in files that are named after them, committed or not. */
async function readNotes(git: Git, directory: string): Promise<Map<string, SignedCheckpoint>> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await git(...list, '--', '*.checkpoint')
  const known = new Map<string, SignedCheckpoint>()
  for (const name of stdout.split('\0').filter((each) => each !== '')) {
    const checkpoint = readCheckpoint(asRefusal(directory, () => readNote(join(directory, name))))
    if (checkpoint && `${checkpoint.origin}.checkpoint` === name)
      known.set(checkpoint.origin, checkpoint)
  }
  return known
}

/** Nothing, for one that is in the index only, and for what is no plain file. */
function readNote(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isFile() && found.size <= MAX_NOTE_BYTES ? readFileSync(path, 'utf8') : ''
}

function writeNote(directory: string, checkpoint: SignedCheckpoint): void {
  const file = fileOf(checkpoint)
  const path = join(directory, file)
  asRefusal(directory, () => {
    refuseLinks(directory, file)
    mkdirSync(dirname(path), { recursive: true })
    replaceFile(path, checkpoint.note, SHARED_FILE)
  })
}

/** Whoever may push to the repository could have put one there that leads out of it. */
function refuseLinks(directory: string, file: string): void {
  const parts = file.split('/')
  const paths = parts.map((_part, index) => join(directory, ...parts.slice(0, index + 1)))
  if (paths.some((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()))
    throw new Failure('refused', `git:${directory} has a symbolic link in the place of ${file}`)
}

const fileOf = (checkpoint: SignedCheckpoint): string => `${nameFor(checkpoint)}.checkpoint`
