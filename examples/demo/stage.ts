/** What stands behind the story: a fake Stripe and the proxy, in a directory that goes again. */

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findInDirectory, makeKey } from '../../test/support/canary.ts'
import { runWell } from '../../test/support/command.ts'
import { respondAsStripe } from '../../test/support/fake-stripe.ts'
import { startServe, type ServeProcess } from '../../test/support/serve-process.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import { startUpstream, type Upstream } from '../../test/support/upstream.ts'
import { startAgent, type Agent } from './agent-process.ts'

export interface Stage {
  readonly stripe: Upstream
  /** The real key. */
  readonly key: string
  /** `init` with the key in a file, which is deleted afterwards; gives what it printed. */
  initialise(): Promise<string>
  /** Starts `serve`; gives the two addresses in words. */
  serve(): Promise<string>
  command(...args: readonly string[]): Promise<string>
  startAgent(token: string): Agent
  /** Files of the proxy that hold this value in any form. */
  findOnDisk(value: string): string[]
  /** Ends and removes everything, once: a signal may come while it ends anyway. */
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const directory = createTemporaryDirectory()
  const place = { directory: directory.path }
  const key = makeKey('sk_live_')
  const stripe = await startUpstream({ respond: respondAsStripe(key) })
  let proxy: ServeProcess | undefined
  let agent: Agent | undefined
  let url = ''
  let running: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined

  function command(...args: readonly string[]): Promise<string> {
    const printed = runWell(args, place)
    running = printed
    return printed
  }

  async function closeAll(): Promise<void> {
    await running.catch(() => undefined) // a command that is cut would write after the removal
    await agent?.end()
    proxy?.running.child.kill('SIGTERM')
    await proxy?.running.finished
    await stripe.close()
    directory.remove()
  }

  async function initialise(): Promise<string> {
    const source = `stripe=file:${directory.write('stripe.key', key)}`
    const listen = ['--listen', '127.0.0.1:0', '--control-listen', '127.0.0.1:0']
    const services = ['--services', 'stripe', '--import-secret', source]
    const where = ['--state-dir', 'state', '--no-start', ...listen]
    const printed = await command('init', '--env', 'production', '--yes', ...services, ...where)
    rmSync(join(directory.path, 'stripe.key'))
    // The one difference to a real set-up: Stripe is ours, on loopback, under a private authority.
    const ca = ['--ca-file', directory.write('ca.pem', stripe.ca), '--allow-private-address']
    await command('service', 'set', 'stripe', '--origin', stripe.origin, ...ca)
    return printed
  }

  return {
    stripe,
    key,
    initialise,
    async serve() {
      proxy = startServe(place, join(directory.path, 'state'), [])
      const { data, control } = await proxy.ready
      url = data
      return `agents: ${data}   operators: ${control}`
    },
    command,
    startAgent(token) {
      agent = startAgent(url, token)
      return agent
    },
    findOnDisk: (value) => findInDirectory(directory.path, value),
    close: () => (closing ??= closeAll()),
  }
}
