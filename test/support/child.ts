/** Child processes that run one of our TypeScript files and talk in lines. */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Child {
  readonly process: ChildProcess
  /** Everything that came on standard output so far, in whole lines. */
  lines(): string[]
  /** Resolves when so many lines came, or the child ended. */
  waitForLines(count: number): Promise<void>
  /** Kills it without a chance to clean up, and waits until it is gone. */
  kill(): Promise<void>
}

/** Starts `test/support/<script>` under this very Node. */
export function startChild(script: string, ...args: string[]): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const closed = once(child, 'close')
  const lines = () => output.split('\n').slice(0, -1)
  return {
    process: child,
    lines,
    async waitForLines(count) {
      while (lines().length < count && child.exitCode === null && child.signalCode === null) {
        await Promise.race([once(child.stdout, 'data'), closed])
      }
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
