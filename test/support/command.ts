/**
 * The command as a user runs it: a process of its own, in a directory of its own, with an
 * environment that holds nothing of ours but what the test puts there.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname, '..', '..')
export const COMMAND = join(REPOSITORY, 'bin', 'apistronghold.js')

export interface RunOptions {
  /** Current directory, and parent of the home directory. */
  readonly directory: string
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[]
  /** Another script than the repository's own `bin/apistronghold.js`. */
  readonly script?: string
}

export interface Finished {
  /** Exit code; null after a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly child: ChildProcess
  /** What it has printed so far. */
  readonly output: { readonly stdout: string; readonly stderr: string }
  readonly finished: Promise<Finished>
}

/** An environment without anybody's settings: homes inside `directory`, the Node of this test. */
export function cleanEnvironment(directory: string): Record<string, string> {
  const home = join(directory, 'home')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CONFIG_HOME: join(home, 'config'),
    LANG: 'C.UTF-8',
    // A hundred starts of the same program: compiling it once makes each three times as quick.
    NODE_COMPILE_CACHE: join(REPOSITORY, 'node_modules', '.cache', 'compile'),
  }
}

export function startCommand(args: readonly string[], options: RunOptions): RunningCommand {
  const child = spawn(
    process.execPath,
    [...(options.nodeFlags ?? []), options.script ?? COMMAND, ...args],
    {
      cwd: options.directory,
      env: { ...cleanEnvironment(options.directory), ...options.environment },
      stdio: 'pipe',
    },
  )
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  child.stdin.on('error', () => undefined) // it may end before it reads its input
  child.stdin.end(options.input ?? '')
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, ...output })
    })
  })
  return { child, output, finished }
}

/** Runs a command to its end; one that takes too long is killed and reported as an error. */
export async function run(args: readonly string[], options: RunOptions): Promise<Finished> {
  const running = startCommand(args, options)
  const timer = setTimeout(() => running.child.kill('SIGKILL'), options.timeoutMs ?? 20_000)
  const finished = await running.finished
  clearTimeout(timer)
  if (finished.code === null) throw unexpected(args, 'did not end', finished)
  return finished
}

/** Runs a command that must succeed, and gives its standard output without the last newline. */
export async function runWell(args: readonly string[], options: RunOptions): Promise<string> {
  const finished = await run(args, options)
  if (finished.code !== 0) throw unexpected(args, `ended with ${finished.code ?? '?'}`, finished)
  return finished.stdout.trimEnd()
}

/** Test output is kept and read by others: no token may stand in it. */
function unexpected(args: readonly string[], what: string, { stdout, stderr }: Finished): Error {
  const printed = `${stdout}\n${stderr}`.replace(/\b(pt|mt|ok)_(live|test)_\w+/g, '$1_$2_...')
  return new Error(`apistronghold ${args.join(' ')} ${what}:\n${printed}`)
}
