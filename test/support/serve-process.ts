/** `serve` in the foreground as a child process, awaited until both planes answer. */

import { readFileSync } from 'node:fs'
import { get as getPlainly } from 'node:http'
import { get as getSecurely } from 'node:https'
import { join } from 'node:path'
import { NODE_FLAGS } from '../../src/cli/node-flags.ts'
import { startCommand, type RunningCommand, type RunOptions } from './command.ts'

export interface ServeAddresses {
  /** Where agents call, `http://127.0.0.1:port`. */
  readonly data: string
  readonly control: string
  /** Services with a port of their own. */
  readonly services: Readonly<Record<string, string>>
}

export interface ServeProcess {
  readonly running: RunningCommand
  /** Rejects with what it printed when it ends before it is ready. */
  readonly ready: Promise<ServeAddresses>
}

export function startServe(
  place: RunOptions,
  stateDirectory: string,
  args: readonly string[],
): ServeProcess {
  const running = startCommand(['serve', ...args], { ...place, nodeFlags: NODE_FLAGS })
  return { running, ready: untilReady(running, stateDirectory) }
}

async function untilReady(
  running: RunningCommand,
  stateDirectory: string,
): Promise<ServeAddresses> {
  const deadline = Date.now() + 20_000
  const { child } = running
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const addresses = readAddresses(running, stateDirectory)
    if (addresses && (await isReady(addresses))) return addresses
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  child.kill('SIGKILL')
  throw new Error(`serve did not get ready:\n${running.output.stderr}`)
}

/** What `serve` wrote about itself, if this process wrote it and not a former one. */
function readAddresses(
  running: RunningCommand,
  stateDirectory: string,
): ServeAddresses | undefined {
  try {
    const text = readFileSync(join(stateDirectory, 'run', 'serve.json'), 'utf8')
    const { pid, ...addresses } = JSON.parse(text) as ServeAddresses & { pid: number }
    return pid === running.child.pid ? addresses : undefined
  } catch {
    return undefined // not there yet
  }
}

async function isReady({ data, control }: ServeAddresses): Promise<boolean> {
  const statuses = await Promise.all(
    [data, control].map((plane) => statusOf(new URL('/-/ready', plane))),
  )
  return statuses.every((status) => status === 200)
}

/** 0 when there is no answer. Nothing secret is sent, so any certificate will do. */
function statusOf(url: URL): Promise<number> {
  const get = url.protocol === 'https:' ? getSecurely : getPlainly
  return new Promise((resolve) => {
    const request = get(url, { agent: false, rejectUnauthorized: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    request.once('error', () => {
      resolve(0)
    })
  })
}
