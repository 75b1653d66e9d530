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
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
  if (!(await answers(port))) {
    await endChild(child)
    throw new Error(`${command} did not start: ${said}`)
  }
  return { port, pid: child.pid ?? 0, stop: () => endChild(child) }
}

async function answers(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 250; attempt++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answered) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return false
}
