/** The key that signs the audit's checkpoints: its public half beside the log, and for the API. */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatVkey } from '../audit/note.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { writeOnce } from '../state-dir/durable-file.ts'

/** Beside the writers' directories, so that a copy of the log says whose it claims to be. */
const FILE = 'checkpoint.pub'

/** The name of the environment's log; each writer's has its name behind it. */
export const logName = (environment: string): string => `apistronghold/${environment}`

/**
 * The public key in C2SP form, which is then also in the audit's directory. Throws `key_invalid`
 * when another one is there: checkpoints of two keys in one log would look like a forgery.
 */
export function publishAuditKey(audit: string, environment: string, key: KeyObject): string {
  const vkey = formatVkey({ name: logName(environment), publicKey: createPublicKey(key) })
  const path = join(audit, FILE)
  mkdirSync(audit, { recursive: true, mode: 0o700 })
  const present = readIfThere(path)
  if (present === undefined) writeOnce(path, `${vkey}\n`)
  else if (present.trim() !== vkey)
    throw new Failure(
      'key_invalid',
      `${path} is not of the key that signs now (keys/audit-signing.pem): restore that key from a backup, or move the whole audit directory and audit-seals away to begin a new log`,
    )
  return vkey
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
