/** Proxies that are programs of their own: found, started in the foreground, awaited, ended. */

import { spawn, spawnSync } from 'node:child_process'
import { endChild } from './child.ts'
import type { Subject } from './subject.ts'

export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly port: number
  readonly env?: Readonly<Record<string, string>>
}

/** Its version as it prints it; undefined where it is not installed. */
export function versionOf(command: string, flag: string): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' })
  if (error) return undefined
  return /\d+\.\d+[^\s]*/.exec(stdout + stderr)?.[0] ?? 'unknown'
}

export async function startProgram({ command, args, port, env = {} }: Program): Promise<Subject> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  })
  await untilAnswers(port)
  return { port, pid: child.pid ?? 0, stop: () => endChild(child) }
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 250; attempt++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('a proxy did not start')
}
