/** A real stand-in for AWS: `moto_server` from PyPI, where it is installed. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { skipWithout } from './skip.ts'

export interface Moto {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  close(): Promise<void>
}

/** For `describe.skipIf`: `pip install 'moto[server]'` puts it on the PATH. */
export const isMotoMissing = (): boolean => skipWithout('moto_server')

export async function startMoto(): Promise<Moto> {
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PYTHONUNBUFFERED: '1', NO_COLOR: '1' },
  })
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve()
    }),
  )
  const lines = createInterface({ input: child.stderr })
  for await (const line of lines) {
    const url = /Running on (?<url>http:\/\/[\d.]+:\d+)/.exec(line)?.groups?.['url']
    if (url === undefined) continue
    child.stderr.resume()
    return {
      url,
      async close() {
        child.kill('SIGKILL')
        await ended
      },
    }
  }
  throw new Error('moto_server ended before it listened')
}
