/** The agent's process, as its owner and as somebody who broke into it would see it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findSecret } from '../../test/support/canary.ts'
import {
  readEnvironment,
  readMemory,
  SNAPSHOT_ARGUMENTS,
  takeHeapSnapshot,
} from '../../test/support/process-memory.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'

export interface Agent {
  /** Gives it one order and waits for its answer. */
  obey(order: 'charge' | 'refund'): Promise<string>
  /** For each value, the places in the process that hold it in whatever form. */
  search(values: readonly string[]): Promise<string[][]>
  end(): Promise<void>
}

/** Where the system shows a process's memory to its owner. */
const HAS_PROC = process.platform === 'linux'

export function startAgent(url: string, token: string): Agent {
  const directory = createTemporaryDirectory()
  const child = spawn(
    process.execPath,
    [...SNAPSHOT_ARGUMENTS, join(import.meta.dirname, 'agent.ts')],
    {
      cwd: directory.path,
      env: { PROXY_URL: url, PHANTOM_TOKEN: token },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const closed = once(child, 'close')
  const answers = createInterface({ input: child.stdout })
  const pid = child.pid ?? 0

  return {
    async obey(order) {
      const answered = once(answers, 'line') as Promise<[string]>
      child.stdin.write(`${order}\n`)
      return (await answered)[0]
    },
    async search(values) {
      const found = values.map(() => new Set<string>())
      const note = (place: string, bytes: Buffer) => {
        values.forEach((value, index) => {
          if (findSecret(bytes, value).length > 0) found[index]?.add(place)
        })
      }
      note('heap', await takeHeapSnapshot(pid, directory.path))
      if (HAS_PROC) {
        note('environment', readEnvironment(pid))
        for (const stretch of readMemory(pid)) note('memory', stretch)
      }
      return found.map((places) => [...places])
    },
    async end() {
      child.stdin.end()
      await closed
      directory.remove()
    },
  }
}
