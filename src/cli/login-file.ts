/** Control planes elsewhere that `login` has stored, with their operator keys: 0600, below the home. */

import { chmodSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { replaceFile } from '../state-dir/durable-file.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import type { Terminal } from './terminal.ts'

const loginsSchema = z.strictObject({
  version: z.literal(1),
  /** The URL that commands use when nothing else says where to go. */
  current: z.string(),
  servers: z.record(z.string(), z.strictObject({ key: z.string(), ca: z.string().optional() })),
})

export type Logins = Readonly<z.infer<typeof loginsSchema>>

export interface Login {
  readonly url: string
  readonly key: string
  /** PEM of its certificate authority; absent: the public ones. */
  readonly ca?: string | undefined
}

export function readLogins(terminal: Terminal): Logins | undefined {
  const path = loginPath(terminal)
  const text = readPrivateFile(path)
  if (text === undefined) return undefined
  const { data } = loginsSchema.safeParse(parseJson(text))
  if (data) return data
  throw new Failure('config_invalid', `${path} is damaged: remove it and log in again`)
}

/** Remembers the login and makes it the current one; returns the file's path. */
export function storeLogin(terminal: Terminal, { url, key, ca }: Login): string {
  const path = loginPath(terminal)
  const servers = { ...readLogins(terminal)?.servers, [url]: { key, ca } }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  chmodSync(dirname(path), 0o700)
  const logins: Logins = { version: 1, current: url, servers }
  replaceFile(path, `${JSON.stringify(logins, undefined, 2)}\n`)
  return path
}

function loginPath(terminal: Terminal): string {
  return join(configurationHome(terminal), 'credentials.json')
}

/** Where commands keep what is this user's own. */
export function configurationHome({ env }: Terminal): string {
  const chosen = env.XDG_CONFIG_HOME
  const home = chosen?.startsWith('/') ? chosen : join(env.HOME || homedir(), '.config')
  return join(home, 'apistronghold')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
